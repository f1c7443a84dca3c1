/**
 * A real Slurm on this machine: a controller and virtual nodes from Debian's packages, everything on the loopback
 * interface and below one temporary folder, by any user, without systemd, cgroups or accounting. Each daemon is a child
 * with a working directory of its own, which a node's job steps inherit; so a node can be killed with everything that
 * runs on it.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './program.ts';

const PROGRAMS = ['slurmctld', 'slurmd', 'sbatch', 'squeue', 'munged'];
const ADVICE =
  'tests on a cluster need Slurm: apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge';
/** Debian keeps the daemons where the PATH of an ordinary user does not lead. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter);

function isThere(program: string): boolean {
  return PATH.split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Whether there is a Slurm. Without one, tests of it fail where CI=true and are skipped elsewhere, with the reason
 * printed.
 */
export const hasSlurm = PROGRAMS.every(isThere);
if (!hasSlurm && process.env['CI'] === 'true') throw new Error(ADVICE);
if (!hasSlurm) console.warn(`skipped: ${ADVICE}`);

const CORES_PER_NODE = 4;
const LONGEST_WAIT_MS = 20_000;

export interface Slurm {
  /** For programs that talk to this Slurm. */
  readonly environment: NodeJS.ProcessEnv;
  /** What one of Slurm's programs says. */
  ask(program: string, ...args: readonly string[]): Promise<string>;
  /** Lets a node see the folder that was hidden from it. */
  showFolder(node: string): Promise<void>;
  /** Kills a node and all that runs on it, at once, as a power failure does. */
  killNode(node: string): Promise<void>;
  /** Ends the controller as an administrator does, and starts it again; what runs on the nodes runs on. */
  restartController(): Promise<void>;
  /** Ends everything and removes its files. */
  stop(): Promise<void>;
}

/** Resolves when the condition first holds; asked a few times a second. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  longestMs = LONGEST_WAIT_MS,
): Promise<void> {
  const end = performance.now() + longestMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${longestMs / 1000} s in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** Ports of the loopback interface that nobody listens on. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) ports.push(address.port);
  }
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

/** Short times throughout: a lost node is noticed after 5 s, and its tasks go on elsewhere 2 s later. */
function configuration(
  root: string,
  nodes: readonly string[],
  [controllerPort, ...nodePorts]: readonly number[],
): string {
  const host = hostname().split('.')[0];
  const user = userInfo().username;
  const cores = `CPUs=${CORES_PER_NODE} Sockets=1 CoresPerSocket=${CORES_PER_NODE} ThreadsPerCore=1 RealMemory=1000`;
  const hosts = nodes.map(
    (node, index) => `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${nodePorts[index]} ${cores}`,
  );
  return `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${root}/munge/socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=${root}/state
SlurmctldPidFile=${root}/controller.pid
SlurmdPidFile=${root}/%n/pid
SlurmdSpoolDir=${root}/%n/spool
SlurmctldLogFile=${root}/controller.log
SlurmdLogFile=${root}/%n/log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=${root}/finished-jobs
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=3
SlurmctldTimeout=10
InactiveLimit=0
KillWait=2
MinJobAge=300
MessageTimeout=5
BatchStartTimeout=10
${hosts.join('\n')}
PartitionName=all Nodes=${nodes.join(',')} Default=YES MaxTime=INFINITE State=UP
`;
}

/** The processes of this machine that can be looked at: number, session, working directory. */
function processes(): readonly { readonly pid: number; readonly session: number; readonly folder: string }[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.flatMap(pid => {
    try {
      // proc(5): after the name in brackets come state, parent, group, session
      const [, , , session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return [{ pid: Number(pid), session: Number(session), folder: readlinkSync(`/proc/${pid}/cwd`) }];
    } catch {
      // it has ended meanwhile, or belongs to somebody else
      return [];
    }
  });
}

/**
 * Kills a daemon that works in a folder, its job steps, and everything that these started; sessions tell what belongs
 * together.
 */
async function killAllIn(folder: string): Promise<void> {
  await until(`nothing runs in ${folder}`, () => {
    const all = processes();
    const sessions = new Set(all.filter(process => process.folder === folder).map(({ session }) => session));
    const doomed = all.filter(({ session }) => sessions.has(session));
    for (const { pid } of doomed) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended meanwhile
      }
    }
    return doomed.length === 0;
  });
}

/** Whether a node can be given a view of its own of the file system, which takes root or its like. */
export const canHideFolders = hasSlurm && spawnSync('unshare', ['--mount', 'true']).status === 0;
if (hasSlurm && !canHideFolders)
  console.warn('skipped: nodes without the shared folder, since unshare --mount is not allowed');

/** Words before a command that make a folder look empty to it. */
function hiding(folder: string): readonly string[] {
  return ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', folder];
}

export interface SlurmOptions {
  /** Each has four cores; n1 and n2 if not given. */
  readonly nodes?: readonly string[];
  /** By node: a folder of which it sees nothing. */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** Starts a Slurm and waits until its nodes take jobs. */
export async function startSlurm({ nodes = ['n1', 'n2'], hidden = {} }: SlurmOptions = {}): Promise<Slurm> {
  const root = temporaryFolder();
  // munged refuses a socket that not everybody can reach
  chmodSync(root, 0o755);
  for (const folder of ['munge', 'state', 'controller', ...nodes.flatMap(node => [node, `${node}/spool`])]) {
    mkdirSync(join(root, folder));
  }
  writeFileSync(join(root, 'munge/key'), randomBytes(1024), { mode: 0o400 });
  writeFileSync(join(root, 'slurm.conf'), configuration(root, nodes, await freePorts(1 + nodes.length)));
  const environment = { ...process.env, PATH, SLURM_CONF: join(root, 'slurm.conf') };
  let controller: ChildProcess;

  /** A daemon in the foreground, in a session and a folder of its own. */
  const daemon = (folder: string, program: string, ...args: readonly string[]): ChildProcess => {
    const log = openSync(join(root, `${folder}.out`), 'a');
    const stdio = ['ignore', log, log] as const;
    return spawn(program, args, { cwd: join(root, folder), env: environment, detached: true, stdio: [...stdio] });
  };
  const ask = async (program: string, ...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(program, args, { env: environment, encoding: 'utf8' })).stdout;
  const isReady = async (count: number): Promise<boolean> => {
    const idle = await ask('sinfo', '--noheader', '--responding', '--format=%D').catch(() => '0');
    return Number(idle) >= count;
  };
  const stop = async (): Promise<void> => {
    for (const folder of [...nodes, 'controller', 'munge']) await killAllIn(join(root, folder));
    rmSync(root, { recursive: true, force: true });
  };
  const munge = ['key-file=key', 'socket=socket', 'pid-file=pid', 'seed-file=seed', 'log-file=log'].map(
    option => `--${option.replace('=', `=${root}/munge/`)}`,
  );
  try {
    daemon('munge', 'munged', '--foreground', ...munge);
    await until('munged answers', () => readdirSync(join(root, 'munge')).includes('socket'));
    controller = daemon('controller', 'slurmctld', '-D', '-c');
    for (const node of nodes) {
      const folder = hidden[node];
      const [program = '', ...args] = [...(folder === undefined ? [] : hiding(folder)), 'slurmd', '-D', '-N', node];
      daemon(node, program, ...args);
    }
    await until('the nodes take jobs', () => isReady(nodes.length));
  } catch (cause) {
    const logs = readdirSync(root).filter(name => name.endsWith('.out'));
    const text = logs.map(name => `${name}:\n${readFileSync(join(root, name), 'utf8')}`).join('\n');
    await stop();
    throw new Error(`Slurm does not start. ${text}`, { cause });
  }
  return {
    environment,
    ask,
    showFolder: async node => {
      const [daemon] = processes().filter(({ folder }) => folder === join(root, node));
      await promisify(execFile)('nsenter', [`--target=${daemon?.pid}`, '--mount', 'umount', hidden[node] ?? '']);
    },
    killNode: node => killAllIn(join(root, node)),
    restartController: async () => {
      const ended = new Promise(resolve => controller.once('exit', resolve));
      controller.kill('SIGTERM');
      await ended;
      controller = daemon('controller', 'slurmctld', '-D');
      await until('the controller answers', () => isReady(1));
    },
    stop,
  };
}
