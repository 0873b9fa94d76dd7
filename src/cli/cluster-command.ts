// `ringmq cluster ...`: the cluster as one of its nodes sees it, and what would move if a node were not there.
// Called by: program.ts.
import { type Command, Option } from 'commander';
import { addAdminOptions, openAdmin } from './connect-options.ts';
import { printJson, printLine, printTable } from './output.ts';

interface Member {
  readonly node: string;
  readonly state: string;
  readonly address: string;
  readonly queues: number;
  readonly roundTripMs: number | null;
}

interface Status {
  readonly cluster: string;
  readonly node: string;
  readonly members: readonly Member[];
  readonly queues: { readonly here: number; readonly there: number; readonly nowhere: number };
  readonly moves: { readonly outgoing: number; readonly incoming: number; readonly done: number };
  readonly forwarded: { readonly operations: number; readonly deliveries: number; readonly resent: number };
  readonly routeRepairs: number;
  readonly lostQueues: readonly string[];
}

interface Move {
  readonly queue: string;
  readonly from: string;
  readonly to: string;
}

interface Flags {
  readonly json?: boolean;
}

type Show = (status: Status) => Promise<void>;

/** What shows a part of the status, by command. */
const VIEWS: Readonly<Record<string, { readonly about: string; readonly show: Show }>> = {
  status: { about: 'show the cluster as this node sees it', show: showStatus },
  members: { about: 'list the nodes', show: showMembers },
  routes: { about: 'show what this node knows of where queues are', show: showRoutes },
  moves: { about: 'show how many queues are on their way, and what was lost with nodes that died', show: showMoves },
};

export function addCluster(program: Command): void {
  const cluster = program.command('cluster').description('look into the cluster that a node is in');
  for (const [name, { about, show }] of Object.entries(VIEWS)) {
    const command = cluster.command(name).description(about).option('--json', 'print the status as JSON');
    addAdminOptions(command).action(async (flags: Flags) => {
      const status = await openAdmin(flags).get<Status>('/cluster');
      if (flags.json === true) await printJson(status);
      else await show(status);
    });
  }
  const planned = cluster
    .command('plan')
    .description('show which queues would move, without moving any')
    .addOption(new Option('--without <node>', 'as if this node were not there'))
    .option('--json', 'print the moves as JSON');
  addAdminOptions(planned).action(showPlan);
}

async function showStatus(status: Status): Promise<void> {
  const { cluster, node, queues, forwarded } = status;
  await printLine(`Cluster ${cluster}, seen from node ${node}`);
  await showMembers(status);
  await printLine(`Queues: ${queues.here} here, ${queues.there} on other nodes, ${queues.nowhere} without a node`);
  const { operations, deliveries, resent } = forwarded;
  await printLine(`To other nodes: ${operations} operations and ${deliveries} deliveries, ${resent} publishes resent`);
}

async function showMembers({ members }: Status): Promise<void> {
  const rows = members.map(({ node, state, address, queues, roundTripMs }) => [
    node,
    state,
    address,
    queues,
    roundTripMs === null ? '' : roundTripMs.toFixed(1),
  ]);
  await printTable(['node', 'state', 'address', 'queues', 'round trip ms'], rows);
}

async function showRoutes({ queues, routeRepairs }: Status): Promise<void> {
  await printTable(
    ['queues here', 'on other nodes', 'without a node', 'route repairs'],
    [[queues.here, queues.there, queues.nowhere, routeRepairs]],
  );
}

async function showMoves({ moves, lostQueues }: Status): Promise<void> {
  await printTable(['leaving', 'coming', 'moved away since the start'], [[moves.outgoing, moves.incoming, moves.done]]);
  if (lostQueues.length > 0) await printLine(`Made anew because their node died: ${lostQueues.join(', ')}`);
}

async function showPlan(flags: Flags & { readonly without?: string }): Promise<void> {
  const query = flags.without === undefined ? '' : `?without=${encodeURIComponent(flags.without)}`;
  const { moves } = await openAdmin(flags).get<{ readonly moves: readonly Move[] }>(`/cluster/plan${query}`);
  if (flags.json === true) await printJson(moves);
  else if (moves.length === 0) await printLine('Nothing would move.');
  else {
    const rows = moves.map(({ queue, from, to }) => [queue, from, to]);
    await printTable(['queue', 'from', 'to'], rows);
  }
}
