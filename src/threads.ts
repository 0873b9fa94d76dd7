// The worker file of the pool: one named export for each kind of thread. Piscina loads it in every thread and calls
// one.
export { shard } from './shard.ts';
export { writer } from './writer.ts';
