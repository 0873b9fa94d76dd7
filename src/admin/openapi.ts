// The OpenAPI 3.1 description of the admin surface, from the same tables that route requests: it cannot be out of date.
// Lives on: main. Called by: node-routes.ts, when asked.
import { type ZodType, z } from 'zod';
import type { Operation, Route } from './route.ts';

const ERROR_ANSWER = {
  description: 'What was refused, and what would be right',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          error: { type: 'object', properties: { code: { type: 'string' }, message: { type: 'string' } } },
        },
      },
    },
  },
};

export function openApi(routes: readonly Route[], version: string): object {
  return {
    openapi: '3.1.0',
    info: { title: 'RingMQ admin', version },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths: Object.fromEntries(routes.map((route) => [bracedPath(route.path), pathItem(route)])),
  };
}

/** `/queues/:name` as OpenAPI writes it: `/queues/{name}`. */
function bracedPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function pathItem(route: Route): object {
  const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return Object.fromEntries(
    Object.entries(route.methods).map(([method, operation]) => [
      method.toLowerCase(),
      {
        summary: operation.summary,
        ...(route.access === 'open' ? {} : { security: [{ token: [] }, {}] }),
        parameters: [...inPath, ...queryParameters(operation)],
        ...(operation.body === undefined ? {} : { requestBody: requestBody(operation.body) }),
        responses: { 200: { description: 'Done' }, default: ERROR_ANSWER },
      },
    ]),
  );
}

function queryParameters(operation: Operation): object[] {
  if (operation.query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(operation.query, { io: 'input' }) as { properties?: object };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function requestBody(body: ZodType): object {
  return { content: { 'application/json': { schema: z.toJSONSchema(body, { io: 'input' }) } } };
}
