import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitUntil } from './wait.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** What an image of Debian has; those of this machine stand in for them. */
const SYSTEM = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc']

interface Instruction {
  readonly name: string
  readonly words: readonly string[]
  readonly text: string
}

/** The instructions of the Dockerfile, in order. */
export const readDockerfile = (): readonly Instruction[] =>
  readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...words] = line.split(/\s+/)
      return { name, words, text: line.slice(name.length).trim() }
    })

/** The words of the exec form: `["node", "-e", "…"]`. */
export const execForm = (text: string): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[]

export interface Image {
  /** The root of its files. */
  readonly root: string
  readonly environment: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly healthCheck: readonly string[]
  readonly volume: string
}

/**
 * Carries out the Dockerfile in a folder: its COPY, RUN, ENV and VOLUME. What `npm ci` would install is copied from this checkout,
 * which has installed the same lock file. `user` takes the place of the image's user.
 */
export function buildImage(folder: string, user: number): Image {
  const stages = new Map<string, string>()
  const environment: Record<string, string> = {}
  let [root, workdir, command, healthCheck, volume] = ['', '/', [''], [''], '']
  const inRoot = (path: string): string => join(root, path.startsWith('/') ? path : join(workdir, path))

  for (const { name, words, text } of readDockerfile()) {
    if (name === 'FROM') {
      root = join(folder, words[2] ?? 'final')
      stages.set(words[2] ?? 'final', root)
      mkdirSync(root)
    } else if (name === 'WORKDIR') {
      workdir = text
      mkdirSync(inRoot(''), { recursive: true })
    } else if (name === 'COPY') {
      const [, stage] = /^--from=(\w+)/.exec(text) ?? []
      const [target = '', ...sources] = words.filter((word) => !word.startsWith('--')).toReversed()
      for (const source of sources) {
        const from = stage === undefined ? join(ROOT, source) : join(stages.get(stage) ?? '', source)
        // A folder is copied to the target, a file into it if it ends with a slash.
        const to =
          target.endsWith('/') && lstatSync(from).isFile()
            ? join(target, source.split('/').at(-1) ?? '')
            : target
        cpSync(from, inRoot(to), { recursive: true, verbatimSymlinks: true })
      }
    } else if (name === 'RUN') {
      for (const step of text.split(' && ')) run(step)
    } else if (name === 'ENV') {
      for (const word of words) environment[word.split('=', 1)[0] ?? ''] = word.slice(word.indexOf('=') + 1)
    } else if (name === 'CMD') command = execForm(text)
    else if (name === 'HEALTHCHECK') healthCheck = execForm(text)
    else if (name === 'VOLUME') volume = text
  }
  // Where the system has links instead of folders, so has the image.
  for (const name of SYSTEM)
    if (lstatSync(join('/', name), { throwIfNoEntry: false })?.isSymbolicLink())
      symlinkSync(readlinkSync(join('/', name)), join(root, name))
  return { root, environment, command, healthCheck, volume }

  function run(step: string): void {
    if (step.startsWith('npm ci ')) {
      cpSync(join(ROOT, 'node_modules'), inRoot('node_modules'), { recursive: true, verbatimSymlinks: true })
      return
    }
    const here = step.replaceAll(/(?<= )\/(?=\w)/g, `${root}/`).replaceAll('node:node', String(user))
    execFileSync('sh', ['-c', here], { cwd: inRoot(''), stdio: 'pipe' })
  }
}

/** Whether this machine lets this user run something in a root of its own. */
export function canRunImages(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    execFileSync('unshare', ['--mount', '--pid', '--fork', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Of a script in namespaces of its own: everything that it mounts or starts ends with it. */
const SCRIPT = `set -eu
root=$1 volume=$2 data=$3 user=$4
shift 4
mount --bind "$root" "$root"
cd "$root"
mkdir -p proc dev tmp runtime "./$volume"
for name in ${SYSTEM.join(' ')}; do
  [ -d "/$name" ] && [ ! -L "/$name" ] || continue
  mkdir -p "$name" && mount --rbind "/$name" "$name" && mount -o remount,bind,ro "$name"
done
mount -t proc proc proc
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for name in null zero urandom random; do touch "dev/$name" && mount --bind "/dev/$name" "dev/$name"; done
# Its time is none of those that a run writes.
touch -d @0 runtime/node && mount --bind "$(readlink -f "$NODE")" runtime/node
mount --bind "$data" "./$volume"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid="$user" --regid=0 --groups="$user" --no-new-privs --inh-caps=-all --bounding-set=-all \\
  env -i -C /app "$@"
`

/**
 * Runs a program in an image as Kubernetes and OpenShift do: as the first process, as a user that nobody knows, in the group of root and
 * in that of the volume, with nothing writable but the volume and /tmp, and without any privilege.
 */
export function runInImage(
  { root, environment, volume }: Image,
  [program = '', ...parameters]: readonly string[],
  options: {
    readonly data: string
    readonly user: number
    readonly settings: Readonly<Record<string, string>>
  },
) {
  const { data, user, settings } = options
  chownSync(data, 0, user)
  chmodSync(data, 0o2770)
  const script = join(dirname(root), 'run.sh')
  writeFileSync(script, SCRIPT)
  const variables = { PATH: '/runtime:/usr/bin:/bin', ...environment, ...settings }
  const inside = [
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    program,
    ...parameters,
  ]
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', script, root, volume, data, String(user), ...inside],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE: process.execPath } },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (output += part))
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve))
  return {
    output: () => output,
    exited,
    /** Sends a signal to the program, of which `unshare` is the parent. */
    async signal(signal: NodeJS.Signals): Promise<void> {
      const children = `/proc/${child.pid}/task/${child.pid}/children`
      const pid = await waitUntil('the program runs', () => Number(readFileSync(children, 'utf8').trim()))
      process.kill(pid, signal)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
