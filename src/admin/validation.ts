// Checks what a client sent against a schema and says in one line what is wrong: the field, what was received, and for
// an unknown field the nearest name that exists. A typo in a declaration must never be ignored in silence.
// Lives on: main. Called by: routes.
import { closest } from 'fastest-levenshtein';
import type { ZodError, ZodType, z } from 'zod';
import { BrokerError } from '../base/errors.ts';

/** The value in the form of the schema; throws `invalid-argument`. `what` names it: "queue declaration". */
export function parseInput<T extends ZodType>(schema: T, input: unknown, what: string): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new BrokerError('invalid-argument', `Cannot read ${what}: ${textOf(result.error, fieldsOf(schema))}`);
}

/** Query parameters as an object; one that is given twice is refused, as it is a mistake in all we have. */
export function parseQuery<T extends ZodType>(schema: T, query: URLSearchParams): z.output<T> {
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    if (given[name] !== undefined)
      throw new BrokerError('invalid-argument', `Cannot read the query: "${name}" is given twice`);
    given[name] = value;
  }
  return parseInput(schema, given, 'the query');
}

function fieldsOf(schema: ZodType): string[] {
  return 'shape' in schema ? Object.keys(schema.shape as object) : [];
}

function textOf(error: ZodError, fields: readonly string[]): string {
  return error.issues
    .map((issue) => {
      if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(key, fields)).join(', ');
      const where = issue.path.length === 0 ? '' : `"${issue.path.join('.')}": `;
      return `${where}${issue.message}`;
    })
    .join('; ');
}

function unknownField(key: string, fields: readonly string[]): string {
  const name = key.slice(0, 100);
  if (fields.length === 0) return `unknown field "${name}", expected none`;
  return `unknown field "${name}", did you mean "${closest(name, [...fields])}"?`;
}
