import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

const DEPLOY = fileURLToPath(new URL('../../../server/deploy/', import.meta.url))
/** The configuration that docker-compose.yml mounts. */
const NGINX_CONF = join(DEPLOY, 'nginx.conf')

/** Ports of the processes that stand in for the services of docker-compose.yml. */
interface Upstreams {
  readonly receiver: number
  readonly nodes: readonly [number, number]
  /** The setting of docker-compose.yml. */
  readonly outerProxies?: string
}

export interface NginxProxy {
  readonly url: string
  /** Returns what it has logged so far: requests and errors. */
  readonly log: () => string
  /** Loads the configuration again. Resolves once new workers serve. */
  readonly reload: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts nginx with the configuration of docker-compose.yml, on loopback and in its own folder. */
export const startNginx = ({ receiver, nodes, outerProxies = '' }: Upstreams): Promise<NginxProxy> =>
  runNginx((folder, port) => {
    writeOuterProxies(outerProxies, join(folder, 'outer-proxies.conf'))
    return replaceEach(readFileSync(NGINX_CONF, 'utf8'), {
      ' /tmp/': ` ${folder}/`,
      ' /dev/stdout': ` ${folder}/requests.log`,
      ' stderr': ` ${folder}/errors.log`,
      'listen 8080': `listen 127.0.0.1:${port}`,
      'receiver:8080': `127.0.0.1:${receiver}`,
      'node-1:8080': `127.0.0.1:${nodes[0]}`,
      'node-2:8080': `127.0.0.1:${nodes[1]}`,
      // The nginx of Debian 12 does not support it, and there are no names to resolve here.
      ' resolve;': ';',
      // More than the machine of the tests may permit.
      'worker_rlimit_nofile 65536;': '',
      'worker_connections 60000': 'worker_connections 1000',
    })
  })

/** Runs the script of the container that writes the proxies in front into a file. Throws if it refuses them. */
export const writeOuterProxies = (outerProxies: string, file: string): void =>
  void execFileSync(join(DEPLOY, 'outer-proxies.sh'), [file], {
    env: { PATH: process.env['PATH'], OUTER_PROXIES: outerProxies },
    stdio: 'pipe',
  })

/** Starts nginx with one server that contains these directives: a proxy that somebody else configured. */
export const startOtherNginx = (directives: string): Promise<NginxProxy> =>
  runNginx((folder, port) => {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    )
    return `pid ${folder}/nginx.pid; error_log ${folder}/errors.log; events {}
http { ${paths.join(' ')} access_log ${folder}/requests.log; server { listen 127.0.0.1:${port}; ${directives} } }`
  })

/** Starts nginx in its own folder, with the configuration that `configure` returns. */
export async function runNginx(configure: (folder: string, port: number) => string): Promise<NginxProxy> {
  const folder = temporaryFolder()
  const port = await freePort()
  const [configuration, requests, errors] = ['nginx.conf', 'requests.log', 'errors.log'].map((name) =>
    join(folder.path, name),
  ) as [string, string, string]
  writeFileSync(configuration, configure(folder.path, port))

  const log = (): string =>
    [errors, requests].map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('')
  const flags = ['-p', folder.path, '-e', errors, '-c', configuration, '-g', 'daemon off;']
  const nginx = spawn(programPath('nginx'), flags, { stdio: 'ignore' })
  const exited = once(nginx, 'exit')
  let hasExited = false
  void exited.then(() => (hasExited = true))
  await waitUntil(`nginx listens on ${port}`, () => {
    if (hasExited) throw new Error(`nginx exited: ${log()}`)
    // nginx writes it once it listens.
    return existsSync(join(folder.path, 'nginx.pid'))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    async reload() {
      const before = workersOf(nginx.pid)
      nginx.kill('SIGHUP')
      await waitUntil('nginx has new workers', () =>
        workersOf(nginx.pid).some((worker) => !before.includes(worker)),
      )
    },
    async stop() {
      // A fast shutdown. SIGKILL would leave the workers behind.
      nginx.kill('SIGTERM')
      await exited
      folder.remove()
    },
  }
}

/** The children of a process, on Linux. */
const workersOf = (pid: number | undefined): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')

/** Throws if one of the texts is missing, because the file is then not what the test expects. */
export function replaceEach(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`"${from}" is not in ${done.split('\n', 1)[0]}`)
    return done.replaceAll(from, to)
  }, text)
}
