// A route of the admin surface as data: a path, who may use it, and one handler a method. The router, the list of
// allowed methods and the OpenAPI document all come from these tables.
// Lives on: main.
import type { ZodType } from 'zod';
import type { NodeView } from '../broker/node-view.ts';
import type { Answer } from './answer.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** Who may use a route: anybody; whoever may read metrics; whoever `authorize` lets in. */
export type Access = 'open' | 'metrics' | 'authorized';

/** One request, as a handler sees it. */
export interface RouteRequest {
  readonly view: NodeView;
  /** Decoded parts of the path that the route names with a colon. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed JSON body; undefined when there is none. */
  readonly body: unknown;
}

export interface Operation {
  /** One line for the OpenAPI document. */
  readonly summary: string;
  readonly query?: ZodType;
  readonly body?: ZodType;
  readonly handle: (request: RouteRequest) => Answer | Promise<Answer>;
}

export interface Route {
  /** Segments; one that starts with a colon takes any value, percent-decoded. */
  readonly path: string;
  readonly access: Access;
  readonly methods: Readonly<Partial<Record<Method, Operation>>>;
}
