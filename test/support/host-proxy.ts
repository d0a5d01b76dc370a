import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { replaceEach, runNginx } from './nginx-proxy.ts'
import { programPath } from './programs.ts'
import { openRaw } from './raw-connection.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

const DEPLOY = fileURLToPath(new URL('../../../server/deploy/', import.meta.url))

/** What stands behind the proxy. The recipes name three of each; the last one is left out if there are two. */
export interface Behind {
  /** Ports on 127.0.0.1. */
  readonly receivers: readonly number[]
  readonly nodes: readonly number[]
  /** An address that may say for whom a request is, instead of loopback. */
  readonly outerProxy?: string
  /** Whether clients come through a balancer that speaks the PROXY protocol. */
  readonly proxyProtocol?: boolean
  /** Lets HAProxy take this many connections of one address. */
  readonly maxPerAddress?: number
  /** Lets HAProxy take this many, and serve them at `plainUrl` without TLS, which would be most of the work. */
  readonly maxSockets?: number
}

/** One of the recipes of `server/deploy` for a plain host, with TLS, on loopback and in its own folder. */
export interface HostProxy {
  readonly url: string
  /** Where it redirects to `url`. */
  readonly plainUrl: string
  readonly port: number
  /** Its certificate, in PEM. */
  readonly ca: string
  /** Returns what it has logged so far. */
  readonly log: () => string
  /** Loads the configuration again, as `systemctl reload` does. */
  readonly reload: () => Promise<void>
  readonly stop: () => Promise<void>
}

interface Place {
  readonly folder: string
  readonly port: number
  readonly plainPort: number
  readonly cert: string
  readonly key: string
}

/** Whether this machine has the loopback address of IPv6. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

/** What HAProxy cannot do unless root starts it, where its package is installed: become another user. */
export const asOrdinaryUser = (): Readonly<Record<string, string>> =>
  process.getuid?.() === 0 && existsSync('/var/lib/haproxy')
    ? {}
    : { '  user haproxy\n': '', '  group haproxy\n': '', '  chroot /var/lib/haproxy\n': '' }

/** A program and its configuration in a place of its own. */
type Run = (behind: Behind, place: Place) => Promise<Pick<HostProxy, 'log' | 'reload' | 'stop'>>

/** Replaces the addresses of the example by ports of this machine. */
function atPorts(text: string, { receivers, nodes }: Behind): string {
  const lines = text.split('\n').flatMap((line) => {
    const [, last = '', kind] = /10\.0\.0\.1(\d):808([12])/.exec(line) ?? []
    if (last === '') return [line]
    const port = (kind === '1' ? receivers : nodes)[Number(last) - 1]
    return port === undefined ? [] : [line.replace(/10\.0\.0\.1\d:808[12]/, `127.0.0.1:${port}`)]
  })
  return lines.join('\n')
}

const read = (file: string, behind: Behind): string =>
  atPorts(readFileSync(join(DEPLOY, file), 'utf8'), behind)

const runNginxHost: Run = (behind, { folder, port, plainPort, cert, key }) => {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const text = replaceEach(read('nginx-host.conf', behind), {
    'user www-data;': '',
    '/run/nginx.pid': '%PID%',
    '/var/log/nginx/': `${folder}/`,
    'http {': `http { ${temporary.join(' ')}`,
    'listen 80;': `listen 127.0.0.1:${plainPort};`,
    'listen 443 ssl;': `listen 127.0.0.1:${port} ssl${behind.proxyProtocol ? ' proxy_protocol' : ''};`,
    'listen [::]:80;': HAS_IPV6 ? `listen [::1]:${plainPort};` : '',
    'listen [::]:443 ssl;': HAS_IPV6 ? `listen [::1]:${port} ssl;` : '',
    'real_ip_header X-Forwarded-For;': `real_ip_header ${behind.proxyProtocol ? 'proxy_protocol' : 'X-Forwarded-For'};`,
    'set_real_ip_from 127.0.0.1;': `set_real_ip_from ${behind.outerProxy ?? '127.0.0.1'};`,
    '/etc/nginx/tls/recalls.crt': cert,
    '/etc/nginx/tls/recalls.key': key,
    'worker_rlimit_nofile 65536;': '',
    'worker_connections 60000': 'worker_connections 1000',
  })
  return runNginx((own) =>
    text.replace('%PID%', `${own}/nginx.pid`).replaceAll(`${folder}/access.log`, `${own}/requests.log`),
  )
}

const runHaproxy: Run = async (behind, { folder, port, plainPort, cert, key }) => {
  const pem = join(folder, 'recalls.pem')
  writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  const outer = behind.outerProxy ?? '127.0.0.1'
  const file = join(folder, 'haproxy.cfg')
  const text = replaceEach(read('haproxy.cfg', behind), {
    // More files than the machine of the tests may permit.
    'maxconn 70000': `maxconn ${behind.maxSockets ?? 1_000}`,
    ...asOrdinaryUser(),
    'bind :80\n': `bind 127.0.0.1:${plainPort}\n`,
    'bind :443': `bind 127.0.0.1:${port}`,
    '  bind :::80 v6only\n': HAS_IPV6 ? `  bind ::1:${plainPort} v6only\n` : '',
    'bind :::443 v6only ': HAS_IPV6 ? `bind ::1:${port} v6only ` : '#',
    'gt 4000 }': `gt ${behind.maxPerAddress ?? 4_000} }`,
    '/etc/haproxy/recalls.pem': pem,
    ...(behind.maxSockets && { 'http-request redirect scheme https code 308 unless { ssl_fc }': '' }),
    'abns@recall-gateway': `abns@${port}`,
    'acl from_outer src 127.0.0.1 ::1': `acl from_outer src ${outer}`,
    ...(behind.proxyProtocol && {
      '#tcp-request connection expect-proxy layer4 if { src 127.0.0.1 ::1 }': `tcp-request connection expect-proxy layer4 if { src ${outer} }`,
    }),
  })
  writeFileSync(file, text)
  const { log, stop, kill } = run(programPath('haproxy'), ['-W', '-f', file])
  return {
    log,
    stop,
    async reload() {
      const loads = (): number => log().split('New worker').length
      const before = loads()
      kill('SIGUSR2')
      await waitUntil('HAProxy has a new worker', () => loads() > before)
    },
  }
}

const runCaddy: Run = async (behind, { folder, port, plainPort, cert, key }) => {
  const outer = behind.outerProxy ?? '127.0.0.1'
  const file = join(folder, 'Caddyfile')
  const admin = `unix/${folder}/admin.sock`
  const text = replaceEach(read('Caddyfile', behind), {
    '\n{\n': `\n{\nadmin ${admin}\nhttp_port ${plainPort}\nhttps_port ${port}\ndefault_bind 127.0.0.1\n`,
    'recalls.example.com {': `https://127.0.0.1 {\ntls ${cert} ${key}`,
    'trusted_proxies 127.0.0.1 ::1': `trusted_proxies ${outer}`,
  })
  writeFileSync(file, text)
  const environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
  }
  const { log, stop } = run(
    programPath('caddy'),
    ['run', '--config', file, '--adapter', 'caddyfile'],
    environment,
  )
  return {
    log,
    stop,
    async reload() {
      const args = ['reload', '--force', '--config', file, '--adapter', 'caddyfile', '--address', admin]
      await promisify(execFile)(programPath('caddy'), args, { env: environment })
    },
  }
}

/** Runs a program in the foreground, and keeps what it prints. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let log = ''
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (part: string) => (log += part))
  const exited = once(child, 'exit')
  return {
    log: () => log,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** The recipes by the program that runs them. */
export const HOST_PROXIES = {
  nginx: { file: 'nginx-host.conf', run: runNginxHost },
  HAProxy: { file: 'haproxy.cfg', run: runHaproxy },
  Caddy: { file: 'Caddyfile', run: runCaddy },
} as const satisfies Readonly<Record<string, { readonly file: string; readonly run: Run }>>

export type HostProxyName = keyof typeof HOST_PROXIES

/** Starts a proxy. Resolves once it takes connections. */
export async function startHostProxy(name: HostProxyName, behind: Behind): Promise<HostProxy> {
  const folder = temporaryFolder()
  const [port, plainPort] = [await freePort(), await freePort()]
  const { cert, key } = makeCertificate(folder.path, 'recalls')
  const { log, reload, stop } = await HOST_PROXIES[name].run(behind, {
    folder: folder.path,
    port,
    plainPort,
    cert,
    key,
  })
  const stopAll = async (): Promise<void> => {
    await stop()
    folder.remove()
  }
  const isListening = (): Promise<boolean> =>
    openRaw(port).then(
      (connection) => {
        connection.destroy()
        return true
      },
      () => false,
    )
  await waitUntil(`${name} listens`, isListening).catch(async (error: unknown) => {
    const text = log()
    await stopAll()
    throw new Error(`${name} does not listen: ${text}`, { cause: error })
  })
  return {
    url: `https://127.0.0.1:${port}`,
    plainUrl: `http://127.0.0.1:${plainPort}`,
    port,
    ca: readFileSync(cert, 'utf8'),
    log,
    reload,
    stop: stopAll,
  }
}
