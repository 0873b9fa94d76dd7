// Finds the route of a request. Paths are compared before they are decoded, so that a queue name may hold any
// character, also a slash (sent as %2F). A dozen routes: a scan is as fast as anything.
// Lives on: main. Called by: admin-server.ts.
import { HttpError } from './answer.ts';
import type { Method, Operation, Route } from './route.ts';

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export class Router {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
  }

  /** The route of a raw path; throws 404 when there is none. */
  find(path: string): Match {
    const segments = path.split('/');
    for (const { route, segments: pattern } of this.#routes) {
      if (matches(pattern, segments)) return { route, params: paramsOf(pattern, segments) };
    }
    const known = this.#routes.map(({ route }) => route.path).join(', ');
    throw new HttpError(404, 'not-found', {
      message: `Cannot find ${path.slice(0, 200)}: expected one of ${known}`,
    });
  }
}

/** The operation of a method; HEAD is GET without its body. Throws 405 with what is allowed. */
export function operationOf(route: Route, method: string): Operation {
  const operation = route.methods[(method === 'HEAD' ? 'GET' : method) as Method];
  if (operation !== undefined) return operation;
  const allow = allowedMethods(route);
  throw new HttpError(405, 'method-not-allowed', {
    message: `Cannot ${method} ${route.path}: expected ${allow}`,
    headers: { allow },
  });
}

export function allowedMethods(route: Route): string {
  const methods = Object.keys(route.methods);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, index) => (part.startsWith(':') ? segments[index] !== '' : part === segments[index]));
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  pattern.forEach((part, index) => {
    if (part.startsWith(':')) params[part.slice(1)] = decodeSegment(segments[index]);
  });
  return params;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, 'invalid-argument', {
      message: `Cannot decode the path segment ${segment.slice(0, 200)}: expected percent-encoded UTF-8`,
    });
  }
}
