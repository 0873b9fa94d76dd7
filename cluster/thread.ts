// The cluster's thread: a long-lived task of the pool. It answers main's requests until it is told to stop.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError } from '../src/base/errors.ts';
import type { ClusterCallKind, ClusterCalls, ClusterEvent, ClusterReply } from '../src/broker/cluster-port.ts';
import type { Mesh } from '../src/thread/mailbox.ts';
import type { LinkAuth } from './link/auth.ts';
import type { NodeAddress } from './link/peer.ts';
import { ClusterNode } from './node/cluster-node.ts';
import type { FinderSettings } from './node/finders.ts';

/** What main gives the thread at its start. */
export interface ClusterData extends FinderSettings {
  readonly cluster: string;
  readonly node: string;
  readonly shards: number;
  readonly mesh: Mesh;
  readonly port: MessagePort;
  readonly listen: NodeAddress;
  readonly advertise: NodeAddress;
  readonly auth: LinkAuth;
}

type Handlers = {
  readonly [K in ClusterCallKind]: (
    request: ClusterCalls[K]['request'],
  ) => ClusterCalls[K]['answer'] | Promise<ClusterCalls[K]['answer']>;
};

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The pool's task: serves until main stops it. */
export async function cluster(data: ClusterData): Promise<void> {
  const { port } = data;
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  const ask = (event: (id: number) => ClusterEvent): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      port.postMessage(event(id));
    });
  const node = new ClusterNode({
    ...data,
    tell: (event) => port.postMessage(event),
    introduce: async (options) => (await ask((id) => ({ event: 'introduce', id, options }))) as number,
    serve: (method, args) => ask((id) => ({ event: 'call', id, method, args })),
  });
  let stopped!: () => void;
  const done = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const handlers = handlersOf(node, data, stopped);
  port.on('message', (message: ClusterReply | { id: number; kind: ClusterCallKind; request: unknown }) => {
    if ('reply' in message) replied(waiting, message);
    else answer(port, handlers, message);
  });
  await done;
  setImmediate(() => port.close());
}

function handlersOf(node: ClusterNode, data: ClusterData, stopped: () => void): Handlers {
  return {
    start: () => node.start(data),
    declare: ({ queues }) => {
      node.declare(queues);
      return null;
    },
    settled: async ({ name }) => {
      await node.settled(name);
      return null;
    },
    deleted: ({ name, everywhere }) => {
      node.deleted(name, everywhere);
      return null;
    },
    status: () => node.status(),
    plan: ({ without }) => node.plan(without),
    leave: ({ timeoutMs }) => node.leave(timeoutMs),
    remote: ({ node: to, method, args }) => node.remote(to, method, args),
    stop: async () => {
      await node.stop();
      setImmediate(stopped);
      return null;
    },
  };
}

function replied(waiting: Map<number, Waiting>, { reply, answer: value, error }: ClusterReply): void {
  const found = waiting.get(reply);
  waiting.delete(reply);
  if (error === undefined) found?.resolve(value);
  else found?.reject(new BrokerError(error.code, error.message));
}

async function answer(
  port: MessagePort,
  handlers: Handlers,
  { id, kind, request }: { id: number; kind: ClusterCallKind; request: unknown },
): Promise<void> {
  try {
    const handler = handlers[kind] as (given: unknown) => unknown;
    port.postMessage({ id, answer: await handler(request) });
  } catch (thrown) {
    const { code, message } = BrokerError.from(thrown);
    port.postMessage({ id, error: { code, message } });
  }
}
