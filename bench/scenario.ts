// What a benchmark is: a name, one line of purpose, and a run that gives rows. The same scenario runs tiny in the test
// suite, so that it cannot rot, and full by hand.

/** One line of a table: a column's name -> what was measured. Numbers stay numbers, for --json. */
export type Row = Readonly<Record<string, string | number | undefined>>;

export interface Measured {
  readonly rows: readonly Row[];
  /** What counts: a ratio of ours to a peer or of one setting to another, by name. Machines differ, ratios less. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Of everything that came out, for a fixed seed; the same on every machine. */
  readonly hash: string;
}

export type Size = 'tiny' | 'full';

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(size: Size): Promise<Measured>;
}
