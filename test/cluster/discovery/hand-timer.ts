// A timer that a test fires by hand, and seeds that it waits for.
import type { After, OnSeeds, SeedAddress } from '../../../cluster/discovery/discovery.ts';

export class HandTimer {
  readonly delaysMs: number[] = [];
  #due: (() => void) | undefined;
  #waiting: (() => void) | undefined;

  readonly after: After = (delayMs, action) => {
    this.delaysMs.push(delayMs);
    this.#due = action;
    this.#waiting?.();
    return () => {
      if (this.#due === action) this.#due = undefined;
    };
  };

  get armed(): boolean {
    return this.#due !== undefined;
  }

  /** Until something is due. */
  async whenArmed(): Promise<void> {
    if (this.#due !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
    this.#waiting = undefined;
  }

  /** Lets the time pass of what is due. */
  fire(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.();
  }

  /** The same, and waits for what is due next. */
  async round(): Promise<void> {
    await this.whenArmed();
    this.fire();
    await this.whenArmed();
  }
}

/** The seeds of each answer as texts, sorted. */
export class SeenSeeds {
  readonly answers: string[][] = [];

  readonly take: OnSeeds = (seeds: readonly SeedAddress[]) => {
    this.answers.push(seeds.map(({ host, port }) => `${host} ${port}`).sort());
  };

  get last(): string[] | undefined {
    return this.answers.at(-1);
  }
}
