// One gRPC stream on one TCP connection of its own, framed by hand: the client half of HTTP/2 that a load generator
// needs and no more. Written apart from the broker's codecs, so that a fault in those is seen and not mirrored. Bytes
// in are parsed in place, bytes out are gathered and written once per turn: the broker has to be the bottleneck.
import net from 'node:net';

const FRAME_HEAD_BYTES = 9;
const MESSAGE_HEAD_BYTES = 5;
const INPUT_BYTES = 1024 * 1024;
const OUTPUT_BYTES = 256 * 1024;
/** Opened wide: the load generator reads as fast as it can, and what it cannot take stays in TCP. */
const WINDOW_BYTES = 0x3fff_ffff;
/** The window that HTTP/2 gives both sides before any setting. */
const WINDOW_BYTES_INITIAL = 65_535;
const WINDOW_UPDATE_BYTES_MIN = 1024 * 1024;

const FrameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;

export interface GrpcStreamOptions {
  readonly port: number;
  /** Full name of the method, such as `/hsmq.v1.hsmq.HSMQ/Streaming`. */
  readonly path: string;
  readonly token?: string | undefined;
  /** Called for every message: bytes [start, end) of `bytes`, valid during the call alone. */
  readonly onMessage: (bytes: Buffer, start: number, end: number) => void;
  /** Called once after all messages of one read. */
  readonly onTurn: () => void;
  readonly onClose: (reason: string) => void;
}

export class GrpcStream {
  readonly #options: GrpcStreamOptions;
  readonly #socket: net.Socket;
  readonly #input = Buffer.allocUnsafeSlow(INPUT_BYTES);
  #inputSize = 0;
  /** A message whose end has not come yet. */
  #partial: Buffer = Buffer.alloc(0);
  #output: Buffer = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  #outputSize = 0;
  readonly #spareOutputs: Buffer[] = [];
  #writesUnderway = 0;
  #streamWindow = WINDOW_BYTES_INITIAL;
  #connectionWindow = WINDOW_BYTES_INITIAL;
  #initialWindow = WINDOW_BYTES_INITIAL;
  #unreported = 0;
  /** Messages that the peer's flow control does not let out yet. */
  readonly #held: Buffer[] = [];

  constructor(options: GrpcStreamOptions) {
    this.#options = options;
    this.#socket = net.connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: () => this.#input.subarray(this.#inputSize), callback: (count) => this.#onRead(count) },
    });
    this.#socket.on('error', (error) => options.onClose(error.message));
    this.#socket.on('close', () => options.onClose('connection closed'));
    this.#writePreface();
    this.flush();
  }

  /** Whether the peer's flow control and the socket take another `size` bytes at once. */
  canSend(size: number): boolean {
    const need = size + MESSAGE_HEAD_BYTES;
    const open = this.#streamWindow >= need && this.#connectionWindow >= need;
    return open && this.#held.length === 0 && this.#writesUnderway < 4;
  }

  /** Where the next message of `size` bytes may be written in place; commit with the same size. Ask canSend() first. */
  reserve(size: number): { readonly bytes: Buffer; readonly at: number } {
    const need = FRAME_HEAD_BYTES + MESSAGE_HEAD_BYTES + size;
    if (this.#outputSize + need > OUTPUT_BYTES) this.flush();
    const at = this.#outputSize;
    this.#writeFrameHead({ type: FrameType.data, flags: 0, stream: 1, size: size + MESSAGE_HEAD_BYTES });
    this.#output[at + FRAME_HEAD_BYTES] = 0;
    this.#output.writeUInt32BE(size, at + FRAME_HEAD_BYTES + 1);
    this.#outputSize = at + need;
    this.#streamWindow -= size + MESSAGE_HEAD_BYTES;
    this.#connectionWindow -= size + MESSAGE_HEAD_BYTES;
    return { bytes: this.#output, at: at + FRAME_HEAD_BYTES + MESSAGE_HEAD_BYTES };
  }

  /** Sends a message now, or as soon as flow control allows: for acks, which must never be lost. */
  send(message: Uint8Array): void {
    const need = message.length + MESSAGE_HEAD_BYTES;
    if (this.#held.length > 0 || this.#streamWindow < need || this.#connectionWindow < need) {
      this.#held.push(Buffer.from(message));
      return;
    }
    const { bytes, at } = this.reserve(message.length);
    bytes.set(message, at);
  }

  flush(): void {
    if (this.#outputSize === 0) return;
    const full = this.#output;
    const size = this.#outputSize;
    this.#output = this.#spareOutputs.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES);
    this.#outputSize = 0;
    this.#writesUnderway++;
    this.#socket.write(full.subarray(0, size), () => {
      this.#writesUnderway--;
      this.#spareOutputs.push(full);
    });
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #onRead(count: number): boolean {
    this.#inputSize += count;
    let at = 0;
    while (this.#inputSize - at >= FRAME_HEAD_BYTES) {
      const size = this.#input.readUIntBE(at, 3);
      if (this.#inputSize - at - FRAME_HEAD_BYTES < size) break;
      this.#onFrame(at, size);
      at += FRAME_HEAD_BYTES + size;
    }
    this.#input.copyWithin(0, at, this.#inputSize);
    this.#inputSize -= at;
    this.#reportWindow();
    this.#releaseHeld();
    this.#options.onTurn();
    this.flush();
    return true;
  }

  #onFrame(at: number, size: number): void {
    const type = this.#input[at + 3];
    const flags = this.#input[at + 4];
    const body = at + FRAME_HEAD_BYTES;
    if (type === FrameType.data) {
      this.#unreported += size;
      this.#onData(this.#input.subarray(body, body + size));
    } else if (type === FrameType.settings) {
      if ((flags & ACK) === 0) this.#onSettings(body, size);
    } else if (type === FrameType.windowUpdate) {
      const stream = this.#input.readUInt32BE(at + 5) & 0x7fff_ffff;
      const more = this.#input.readUInt32BE(body) & 0x7fff_ffff;
      if (stream === 0) this.#connectionWindow += more;
      else this.#streamWindow += more;
    } else if (type === FrameType.ping) {
      if ((flags & ACK) === 0) this.#answerPing(body);
    } else if (type === FrameType.reset || type === FrameType.goaway) {
      this.#options.onClose(type === FrameType.reset ? 'stream reset' : 'connection going away');
    }
    const endsStream = (flags & END_STREAM) !== 0 && (type === FrameType.data || type === FrameType.headers);
    if (endsStream) this.#options.onClose('stream ended');
  }

  #onData(data: Buffer): void {
    const whole = this.#partial.length === 0 ? data : Buffer.concat([this.#partial, data]);
    let at = 0;
    while (whole.length - at >= MESSAGE_HEAD_BYTES) {
      const start = at + MESSAGE_HEAD_BYTES;
      const end = start + whole.readUInt32BE(at + 1);
      if (end > whole.length) break;
      this.#options.onMessage(whole, start, end);
      at = end;
    }
    this.#partial = at === whole.length ? Buffer.alloc(0) : Buffer.from(whole.subarray(at));
  }

  #onSettings(body: number, size: number): void {
    for (let at = body; at + 6 <= body + size; at += 6) {
      if (this.#input.readUInt16BE(at) !== 4) continue;
      const window = this.#input.readUInt32BE(at + 2);
      this.#streamWindow += window - this.#initialWindow;
      this.#initialWindow = window;
    }
    this.#writeFrameHead({ type: FrameType.settings, flags: ACK, stream: 0, size: 0 });
    this.#outputSize += FRAME_HEAD_BYTES;
  }

  #answerPing(body: number): void {
    this.#writeFrameHead({ type: FrameType.ping, flags: ACK, stream: 0, size: 8 });
    this.#input.copy(this.#output, this.#outputSize + FRAME_HEAD_BYTES, body, body + 8);
    this.#outputSize += FRAME_HEAD_BYTES + 8;
  }

  #reportWindow(): void {
    if (this.#unreported < WINDOW_UPDATE_BYTES_MIN) return;
    this.#writeWindowUpdate(0, this.#unreported);
    this.#writeWindowUpdate(1, this.#unreported);
    this.#unreported = 0;
  }

  #releaseHeld(): void {
    while (this.#held.length > 0) {
      const need = this.#held[0].length + MESSAGE_HEAD_BYTES;
      if (this.#streamWindow < need || this.#connectionWindow < need) return;
      const message = this.#held.shift() as Buffer;
      const { bytes, at } = this.reserve(message.length);
      bytes.set(message, at);
    }
  }

  #writePreface(): void {
    this.#outputSize = this.#output.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 0, 'latin1');
    this.#writeFrameHead({ type: FrameType.settings, flags: 0, stream: 0, size: 6 });
    this.#outputSize += FRAME_HEAD_BYTES;
    this.#output.writeUInt16BE(4, this.#outputSize);
    this.#output.writeUInt32BE(WINDOW_BYTES, this.#outputSize + 2);
    this.#outputSize += 6;
    this.#writeWindowUpdate(0, WINDOW_BYTES - WINDOW_BYTES_INITIAL);
    const headers = encodeHeaders([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', this.#options.path],
      [':authority', 'localhost'],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ...(this.#options.token === undefined ? [] : [['authorization', `Bearer ${this.#options.token}`] as const]),
    ]);
    this.#writeFrameHead({ type: FrameType.headers, flags: 4, stream: 1, size: headers.length });
    headers.copy(this.#output, this.#outputSize + FRAME_HEAD_BYTES);
    this.#outputSize += FRAME_HEAD_BYTES + headers.length;
  }

  #writeWindowUpdate(stream: number, size: number): void {
    this.#writeFrameHead({ type: FrameType.windowUpdate, flags: 0, stream, size: 4 });
    this.#output.writeUInt32BE(size, this.#outputSize + FRAME_HEAD_BYTES);
    this.#outputSize += FRAME_HEAD_BYTES + 4;
  }

  /** Writes a frame's head at the end of the output; the caller moves the end. */
  #writeFrameHead(head: { type: number; flags: number; stream: number; size: number }): void {
    const at = this.#outputSize;
    this.#output.writeUIntBE(head.size, at, 3);
    this.#output[at + 3] = head.type;
    this.#output[at + 4] = head.flags;
    this.#output.writeUInt32BE(head.stream, at + 5);
  }
}

/** HPACK without tables or Huffman: each field a literal that is not indexed. */
function encodeHeaders(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: number[] = [];
  const put = (text: string): void => {
    const bytes = Buffer.from(text, 'latin1');
    // Lengths from 127 on need a second byte: 127, then the rest.
    if (bytes.length < 127) parts.push(bytes.length);
    else putLong(parts, bytes.length - 127);
    parts.push(...bytes);
  };
  for (const [name, value] of fields) {
    parts.push(0);
    put(name);
    put(value);
  }
  return Buffer.from(parts);
}

function putLong(parts: number[], rest: number): void {
  parts.push(127);
  let left = rest;
  for (; left > 127; left >>>= 7) parts.push((left & 127) | 128);
  parts.push(left);
}
