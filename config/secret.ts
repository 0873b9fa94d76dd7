// A value that must not be seen. It shows itself as *** to everything that prints, and is asked for by name where it is
// used: node-settings.ts alone.
// Lives on: main.
import { inspect } from 'node:util';
import { HIDDEN } from './option.ts';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** One entry of a list of secrets. */
export interface NamedSecret {
  /** From `name`, or else the place in the list: metrics count by it. */
  readonly name: string;
  readonly secret: Secret;
  /** Refused although it is right: `disable = true`. */
  readonly disabled: boolean;
}
