import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

/** The configuration that docker-compose.yml mounts. */
const NGINX_CONF = fileURLToPath(new URL('../../../server/deploy/nginx.conf', import.meta.url))

/** Ports of the processes that stand in for the services of docker-compose.yml. */
interface Upstreams {
  readonly receiver: number
  readonly nodes: readonly [number, number]
}

export interface NginxProxy {
  readonly url: string
  /** Returns what it has logged so far: requests and errors. */
  readonly log: () => string
  readonly stop: () => Promise<void>
}

/** Starts nginx with the configuration of docker-compose.yml, on loopback and in its own folder. */
export async function startNginx({ receiver, nodes }: Upstreams): Promise<NginxProxy> {
  const folder = temporaryFolder()
  const port = await freePort()
  const [configuration, requests, errors] = ['nginx.conf', 'requests.log', 'errors.log'].map((name) =>
    join(folder.path, name),
  ) as [string, string, string]
  const text = replaceEach(readFileSync(NGINX_CONF, 'utf8'), {
    ' /tmp/': ` ${folder.path}/`,
    ' /dev/stdout': ` ${requests}`,
    ' stderr': ` ${errors}`,
    'listen 8080': `listen 127.0.0.1:${port}`,
    'receiver:8080': `127.0.0.1:${receiver}`,
    'node-1:8080': `127.0.0.1:${nodes[0]}`,
    'node-2:8080': `127.0.0.1:${nodes[1]}`,
    // The nginx of Debian 12 does not support it, and there are no names to resolve here.
    ' resolve;': ';',
  })
  writeFileSync(configuration, text)

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
    async stop() {
      // A fast shutdown. SIGKILL would leave the workers behind.
      nginx.kill('SIGTERM')
      await exited
      folder.remove()
    },
  }
}

/** Throws if one of the texts is missing, because the file is then not what the test expects. */
function replaceEach(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`"${from}" is not in ${NGINX_CONF}`)
    return done.replaceAll(from, to)
  }, text)
}
