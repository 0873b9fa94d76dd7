// What a script learns from a command: its exit code, and the error that carries one.
// Called by: program.ts (ends the process), commands (throw).

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  cannotConnect: 3,
  notFound: 4,
  unauthenticated: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Shown under every --help. */
export const EXIT_CODES_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 cannot connect, 4 not found, 5 not let in`;

/** An error whose text is all that the user needs to see. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: ExitCode;

  constructor(exit: ExitCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.exit = exit;
  }
}

/** Codes that the gRPC client and the admin port use, where they mean more than `failed`. */
const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  unavailable: EXIT.cannotConnect,
  'deadline-exceeded': EXIT.cannotConnect,
  'not-found': EXIT.notFound,
  unauthenticated: EXIT.unauthenticated,
  'permission-denied': EXIT.unauthenticated,
  'invalid-argument': EXIT.usage,
};

/** The exit code of anything thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit;
  const code = (error as { code?: unknown }).code;
  return (typeof code === 'string' ? EXIT_BY_CODE[code] : undefined) ?? EXIT.failed;
}
