// What the model of a queue keeps: plain objects, one a message, a publish and a waiting fetch.

export interface ModelMessage {
  readonly id: number;
  readonly priority: number;
  readonly expireAtMs: number;
  readonly deliverAtMs: number;
  readonly dedup: string;
  /** Of its publisher. */
  readonly address: number;
  state: 'ready' | 'delayed' | 'in-flight' | 'blocked';
  sequence: number;
  attempts: number;
  /** In flight. */
  holder: number;
  fetched: boolean;
  dueMs: number;
}

export interface ModelFetch {
  readonly address: number;
  readonly fetch: number;
  readonly autoack: boolean;
  readonly dueMs: number;
}

export interface ModelPublish {
  readonly id: number;
  readonly priority: number;
  readonly expireAtMs: number;
  readonly deliverAtMs: number;
  readonly dedup: string;
  readonly address: number;
}
