import assert from 'node:assert/strict';
import { type Given, load, problemsOf } from './support.ts';

const LONG = 'x'.repeat(32);

interface Case {
  readonly secret: string;
  readonly value: string | undefined;
  readonly name?: string;
  readonly given?: Given;
  readonly warning?: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'a text': { secret: `"${LONG}"`, value: LONG, name: '0' },
  'a variable': { secret: '{ env = "S" }', value: LONG, given: { env: { S: LONG } } },
  'a variable with a name for metrics': {
    secret: '{ env = "S", name = "new" }',
    value: LONG,
    name: 'new',
    given: { env: { S: LONG } },
  },
  'a variable that is not set': { secret: '{ env = "S" }', value: undefined, warning: /variable S is not set/ },
  'a variable that is empty': {
    secret: '{ env = "S" }',
    value: undefined,
    given: { env: { S: '' } },
    warning: /variable S is not set/,
  },
  'the default of a variable that is empty': {
    secret: `{ env = "S", default = "${LONG}" }`,
    value: LONG,
    given: { env: { S: '' } },
  },
  'a file, without its last newline': {
    secret: '{ file = "s" }',
    value: `${LONG}\n`,
    given: { files: { s: `${LONG}\n\r\n` } },
  },
  'an empty file': {
    secret: '{ file = "s" }',
    value: undefined,
    given: { files: { s: '\n' } },
    warning: /file "s" is empty/,
  },
  'a file that is not there': {
    secret: '{ file = "s" }',
    value: undefined,
    warning: /left out: the file "s" cannot be read: it does not exist/,
  },
  'the default of a file that is not there': { secret: `{ file = "s", default = "${LONG}" }`, value: LONG },
  'the default of a file that is no JSON, which is told': {
    secret: `{ file = "s", json_field = "a", default = "${LONG}" }`,
    value: LONG,
    given: { files: { s: 'hunter2' } },
    warning: /the default is used: json_field "a" needs JSON/,
  },
  'a variable before a file': {
    secret: '{ env = "S", file = "s" }',
    value: LONG,
    given: { env: { S: LONG }, files: { s: 'other' } },
  },
  'a file when the variable is empty': {
    secret: '{ env = "S", file = "s" }',
    value: LONG,
    given: { env: { S: '' }, files: { s: LONG } },
  },
  'a field whose name has a dot': {
    secret: '{ file = "s", json_field = "a.b" }',
    value: LONG,
    given: { files: { s: JSON.stringify({ 'a.b': LONG, a: { b: 'other' } }) } },
  },
  'a field that is a number': {
    secret: '{ file = "s", json_field = "a" }',
    value: '1234567',
    given: { files: { s: '{"a":1234567}' } },
    warning: /shorter than 32 bytes/,
  },
  'a field of JSON in a file': {
    secret: '{ file = "s", json_field = "a.b" }',
    value: LONG,
    given: { files: { s: JSON.stringify({ a: { b: LONG } }) } },
  },
  'a field of JSON in a variable': {
    secret: '{ env = "S", json_field = "a" }',
    value: LONG,
    given: { env: { S: JSON.stringify({ a: LONG }) } },
  },
  'an empty text': { secret: '""', value: undefined, warning: /it is empty/ },
  'a secret in Vault': { secret: '{ vault_path = "p", json_field = "f" }', value: undefined, warning: /Vault/ },
};

const ERRORS: Readonly<Record<string, { readonly secret: string; readonly said: RegExp; readonly given?: Given }>> = {
  'a file that cannot be read': {
    secret: '{ file = "denied" }',
    said: /the file "denied" cannot be read: no permission/,
  },
  'an empty field': {
    secret: '{ file = "s", json_field = "a" }',
    said: /no text at json_field "a"/,
    given: { files: { s: '{"a":""}' } },
  },
  'a field of a prototype': {
    secret: '{ file = "s", json_field = "constructor.name" }',
    said: /no text at json_field/,
    given: { files: { s: '{"a":"hunter2"}' } },
  },
  'a file that is no JSON': {
    secret: '{ file = "s", json_field = "a" }',
    said: /needs JSON, and what was found is none/,
    given: { files: { s: 'hunter2' } },
  },
  'a field that is not there': {
    secret: '{ file = "s", json_field = "a.b" }',
    said: /no text at json_field "a\.b"/,
    given: { files: { s: '{"a":"hunter2"}' } },
  },
  'an unknown key': { secret: '{ envv = "hunter2" }', said: /"envv" is no part of a secret/ },
  'a number': { secret: '5', said: /expected a text or a table like/ },
  'a variable name that is no text': { secret: '{ env = 5 }', said: /expected env to be a text/ },
  'a disable that is no boolean': { secret: '{ env = "S", disable = "yes" }', said: /expected disable to be true/ },
  'no source': { secret: '{ name = "x" }', said: /expected env, file or default/ },
};

describe('a secret', () => {
  for (const [what, { secret, value, name, given, warning }] of Object.entries(CASES)) {
    it(`may be ${what}`, () => {
      const { config, warnings } = load(`[auth.jwt]\nsecrets = [${secret}]\n`, given);
      const [found] = config.options['auth.jwt.secrets'];
      assert.equal(found?.secret.reveal(), value);
      if (name !== undefined) assert.equal(found.name, name);
      if (warning === undefined) assert.deepEqual(warnings, []);
      else assert.match(warnings.join('\n'), warning);
    });
  }

  for (const [what, { secret, said, given }] of Object.entries(ERRORS)) {
    it(`may not be ${what}`, () => {
      const problems = problemsOf(`[users.a]\ntokens = ["t", ${secret}]\n`, given).join('\n');
      assert.match(problems, said);
      assert.match(problems, /entry 2 of "users\.a\.tokens"/);
      assert.ok(!problems.includes('hunter2'));
    });
  }

  it('that is disabled may be gone, and is not missed', () => {
    const { config, warnings } = load(
      `[auth.jwt]\nsecrets = ["${LONG}", { env = "S", disable = true }, { file = "gone", disable = true }]\n`,
    );
    assert.equal(config.options['auth.jwt.secrets'].length, 1);
    assert.deepEqual(warnings, []);
  });

  it('that is disabled and still there is known as such', () => {
    const { config } = load('[auth.jwt]\nsecrets = [{ env = "S", disable = true }]\n', { env: { S: 'x' } });
    assert.equal(config.options['auth.jwt.secrets'][0].disabled, true);
  });

  it('of a JWT is called too short below 32 bytes', () => {
    const { warnings } = load('[auth.jwt]\nsecrets = ["short"]\n');
    assert.match(warnings.join('\n'), /secret 0 is shorter than 32 bytes/);
  });
});
