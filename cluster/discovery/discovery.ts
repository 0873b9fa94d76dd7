// How a node finds the first others: an interface with three implementations (a list, DNS, Consul). What they find are
// seeds, addresses where a member may answer. Membership alone says who is one: an address that is no longer found is
// no reason to remove anybody.

export interface SeedAddress {
  /** A name or an IP address. */
  readonly host: string;
  readonly port: number;
}

/** Called with all seeds that are known now, each time they were asked for, also when nothing changed. */
export type OnSeeds = (seeds: readonly SeedAddress[]) => void;

export interface Discovery {
  /** Once. */
  start(onSeeds: OnSeeds): void;
  /** No seeds come afterwards. Never rejects. */
  stop(): Promise<void>;
}

/** What whoever runs the node should be told. Texts hold no secrets. */
export type DiscoveryEvent =
  /** The source said that there is nothing by this name. */
  | { readonly kind: 'absent'; readonly source: string }
  /** The source did not answer, or with what is no answer; what was known before still counts. */
  | { readonly kind: 'failed'; readonly source: string; readonly reason: string }
  /** It works again. */
  | { readonly kind: 'recovered'; readonly source: string }
  /** More seeds than are taken. */
  | { readonly kind: 'cut'; readonly source: string; readonly seeds: number };

export type ReportDiscovery = (event: DiscoveryEvent) => void;

/** Runs an action later, and gives back what cancels it: a timer, or a test's own time. */
export type After = (delayMs: number, action: () => void) => () => void;

export const afterTimeout: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};
