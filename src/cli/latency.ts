// Latencies of a run: exact percentiles from the histogram of node:perf_hooks, and a picture of their spread whose rows
// double in width, as latencies do.
// Called by: bench-run.ts records, bench-command.ts prints.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const ROWS = 32;
const BAR_CHARACTERS = 40;

/** Microseconds. */
export interface LatencySummary {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram();
  /** Row n counts latencies from 2^n us to below 2^(n+1) us. */
  readonly #rows = new Float64Array(ROWS);

  record(microseconds: number): void {
    const whole = Math.max(1, Math.round(microseconds));
    this.#histogram.record(whole);
    this.#rows[31 - Math.clz32(whole)]++;
  }

  get count(): number {
    return this.#histogram.count;
  }

  summary(): LatencySummary {
    const { min, mean, max, count } = this.#histogram;
    if (count === 0) return { min: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
    const [p50, p90, p99, p999] = [50, 90, 99, 99.9].map((part) => this.#histogram.percentile(part));
    return { min, mean: Math.round(mean), p50, p90, p99, p999, max };
  }

  /** Lines of the picture, from the fastest to the slowest row that counted anything. */
  picture(): string[] {
    const used = [...this.#rows.keys()].filter((row) => this.#rows[row] > 0);
    const most = Math.max(...this.#rows);
    const lines: string[] = [];
    for (let row = used[0] ?? 0; row <= (used.at(-1) ?? -1); row++) {
      const bar = '#'.repeat(Math.ceil((this.#rows[row] / most) * BAR_CHARACTERS));
      const part = ((this.#rows[row] / this.count) * 100).toFixed(2).padStart(6);
      lines.push(`${`>= ${durationText(2 ** row)}`.padStart(12)} ${part} % ${bar}`);
    }
    return lines;
  }
}

/** Microseconds in the unit that suits them. */
export function durationText(microseconds: number): string {
  if (microseconds < 1_000) return `${Math.round(microseconds)} us`;
  if (microseconds < 1_000_000) return `${(microseconds / 1_000).toFixed(2)} ms`;
  return `${(microseconds / 1_000_000).toFixed(2)} s`;
}
