// A client that says anything: HTTP/2 frames by hand over a socket, so that the door can be shown what no library
// sends.
import { connect, type Socket } from 'node:net';
import { until } from './echo.ts';

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const FLAG = { none: 0, endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A literal header field that is not indexed: HPACK without a table. */
export function header(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function requestHeaders(path: string, extra: Record<string, string> = {}): Buffer {
  const all = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'x',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...extra,
  };
  return Buffer.concat(Object.entries(all).map(([name, value]) => header(name, value)));
}

/** A length-prefixed message of `size` bytes: an echo Text that holds nothing known. */
export function message(size: number): Buffer {
  const bytes = Buffer.alloc(5 + size, 0x7a);
  bytes[0] = 0;
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

export class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  bytes: Buffer = Buffer.alloc(0);
  closed = false;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#parse();
    });
  }

  /** Connects with the preface and an empty SETTINGS frame. */
  static async open(port: number, settings: Uint8Array = Buffer.alloc(0)): Promise<RawClient> {
    const client = new RawClient(port);
    client.send(PREFACE, frame(FRAME.settings, FLAG.none, 0, settings));
    await until(
      () => client.frames.some(({ type }) => type === FRAME.settings) || client.closed,
      'the server has greeted',
    );
    client.send(frame(FRAME.settings, FLAG.ack, 0));
    return client;
  }

  send(...parts: Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(parts));
  }

  /** Opens a stream. */
  call(stream: number, path: string, options: { flags?: number; headers?: Record<string, string> } = {}): void {
    const flags = FLAG.endHeaders | (options.flags ?? 0);
    this.send(frame(FRAME.headers, flags, stream, requestHeaders(path, options.headers)));
  }

  /** The frames of one type that the server has sent on a stream. */
  of(type: number, stream: number): Frame[] {
    return this.frames.filter((each) => each.type === type && each.stream === stream);
  }

  /** The error code of the GOAWAY that the server has sent, if it has. */
  get goawayCode(): number | undefined {
    return this.frames.find(({ type }) => type === FRAME.goaway)?.payload.readUInt32BE(4);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #parse(): void {
    if (this.bytes.toString('latin1', 0, 4) === 'HTTP') return;
    while (this.bytes.length >= 9) {
      const length = this.bytes.readUIntBE(0, 3);
      if (this.bytes.length < 9 + length) return;
      const payload = this.bytes.subarray(9, 9 + length);
      this.frames.push({ type: this.bytes[3], flags: this.bytes[4], stream: this.bytes.readUInt32BE(5), payload });
      this.bytes = this.bytes.subarray(9 + length);
    }
  }
}
