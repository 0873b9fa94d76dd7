import assert from 'node:assert/strict';
describe('toolchain', () => { it('runs typescript', () => { assert.ok(process.version.startsWith('v26')); }); });
