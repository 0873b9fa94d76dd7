import assert from 'node:assert/strict';
import { createLog, type LogDestination } from '../../src/base/log.ts';
import { type LogLevel, logLevelOf } from '../../src/base/log-level.ts';

class Lines implements LogDestination {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  get events(): Record<string, unknown>[] {
    return this.text
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function logInto(destination: LogDestination, options: { level?: LogLevel; pretty?: boolean } = {}) {
  return createLog({ level: options.level ?? 'info', pretty: options.pretty ?? false, name: 'n1', destination });
}

describe('createLog()', () => {
  it('writes one JSON line an event, with time, level, node and details', () => {
    const lines = new Lines();
    logInto(lines).event('node.serving', { grpc: '127.0.0.1:4848', shards: 2 });
    logInto(lines).warn('queue.left');
    const [first, second] = lines.events;
    assert.match(String(first.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(
      { ...first, time: '' },
      { level: 'info', time: '', node: 'n1', event: 'node.serving', grpc: '127.0.0.1:4848', shards: 2 },
    );
    assert.equal(second.level, 'warn');
  });

  it('leaves out what is below its level, and with off everything', () => {
    const lines = new Lines();
    const warn = logInto(lines, { level: 'warn' });
    warn.debug('a');
    warn.event('b');
    warn.error('c');
    logInto(lines, { level: 'off' }).error('d');
    assert.deepEqual(
      lines.events.map(({ event }) => event),
      ['c'],
    );
  });

  it('shows an error with its causes, and nothing else that hangs on it', () => {
    const lines = new Lines();
    const error = Object.assign(new Error('cannot', { cause: new TypeError('why') }), {
      code: 'EADDRINUSE',
      request: { password: 'hunter2' },
    });
    logInto(lines).error('thread.died', { error });
    const shown = lines.events[0].error as Record<string, unknown>;
    assert.equal(shown.message, 'cannot');
    assert.equal(shown.code, 'EADDRINUSE');
    assert.equal((shown.cause as Record<string, unknown>).type, 'TypeError');
    assert.ok(!lines.text.includes('hunter2'));
  });

  it('blanks what usually is secret', () => {
    const lines = new Lines();
    logInto(lines).event('x', {
      token: 'abc',
      headers: { authorization: 'Bearer abc' },
      call: { headers: { authorization: 'Bearer abc' } },
      name: 'shown',
    });
    assert.ok(!lines.text.includes('abc'));
    assert.match(lines.text, /"name":"shown"/);
  });

  it('writes coloured text on a terminal alone, and only when asked to', () => {
    const terminal = new Lines(true);
    logInto(terminal, { pretty: true }).event('node.serving', { name: 'two words', error: new Error('bad') });
    assert.match(terminal.text, /INFO .*node\.serving/);
    assert.match(terminal.text, /"two words"/);
    assert.match(terminal.text, /Error: bad/);
    const pipe = new Lines(false);
    logInto(pipe, { pretty: true }).event('x');
    assert.equal(pipe.events.length, 1);
    const plain = new Lines(true);
    logInto(plain).event('x');
    assert.equal(plain.events.length, 1);
  });
});

describe('logLevelOf()', () => {
  const table: readonly (readonly [string, LogLevel | undefined])[] = [
    ['INFO', 'info'],
    ['trace', 'trace'],
    ['Off', 'off'],
    ['info,hsmq=debug', 'info'],
    ['hsmq=debug, warn', 'warn'],
    ['hsmq=debug', undefined],
    ['loud', undefined],
    ['', undefined],
  ];
  for (const [text, level] of table) it(`"${text}" is ${level}`, () => assert.equal(logLevelOf(text), level));
});
