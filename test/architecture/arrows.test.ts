import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

interface Import {
  readonly from: string
  /** A path of the project, or the name of a package. */
  readonly to: string
}

const sources = ['server', 'shared'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(folder, file)),
)

const imports: Import[] = sources.flatMap((from) =>
  [
    ...readFileSync(join(ROOT, from), 'utf8').matchAll(/^(?:import|export)(?:[^'"=(]*?\sfrom)?\s'([^']+)'/gm),
  ].map(([, name = '']) => ({
    from,
    to: name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(from), name)) : name,
  })),
)

/** For each place, what of the project it may know besides its own folder and `shared/`. Nothing else. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'shared/': [],
  'server/auth/': ['server/turnstile.ts', 'server/client-address.ts'],
  'server/turnstile.ts': [],
  'server/clock.ts': [],
  'server/ops/': ['server/client-address.ts', 'server/identifier-schema.ts', 'server/networks.ts'],
  'server/networks.ts': [],
  'server/tls.ts': ['server/ops/logger.ts'],
  'server/console/': [],
  'server/identifier-schema.ts': [],
  'server/client-address.ts': [],
  'server/announcement.ts': ['server/identifier-schema.ts'],
  'server/api/': [
    'server/announcement.ts',
    'server/auth/',
    'server/broker/broker.ts',
    'server/identifier-schema.ts',
    'server/ops/logger.ts',
    'server/ops/report.ts',
    'server/origin.ts',
    'server/turnstile.ts',
  ],
  'server/origin.ts': [],
  'server/local-store.ts': [],
  'server/page.ts': [],
  'server/broker/': ['server/ops/logger.ts', 'server/local-store.ts', 'server/clock.ts'],
  'server/receiver/': [
    'server/local-store.ts',
    'server/broker/broker.ts',
    'server/ops/logger.ts',
    'server/ops/metrics.ts',
    'server/client-address.ts',
    'server/identifier-schema.ts',
  ],
  'server/realtime/': [
    'server/broker/broker.ts',
    'server/ops/logger.ts',
    'server/ops/metrics.ts',
    'server/auth/',
    'server/announcement.ts',
    'server/clock.ts',
    'server/turnstile.ts',
    'server/client-address.ts',
    'server/identifier-schema.ts',
    'server/origin.ts',
  ],
  'server/ignore-upgrades.ts': [],
  'server/http-server.ts': ['server/ops/logger.ts', 'server/ignore-upgrades.ts', 'server/tls.ts'],
  'server/configure-admission.ts': ['server/auth/', 'server/client-address.ts', 'server/ops/config.ts'],
  'server/parts.ts': ['server/ops/logger.ts'],
  'server/gateway.ts': ['server/'],
  'server/commands/': ['server/gateway.ts', 'server/ops/', 'server/receiver/'],
  'server/main.ts': ['server/commands/'],
}

/** Which files may know a library. A library that is not named here may be known by none. */
const FENCES: Readonly<Record<string, readonly string[]>> = {
  express: [
    'server/gateway.ts',
    'server/ops/health.ts',
    'server/ops/metrics.ts',
    'server/page.ts',
    'server/http-server.ts',
    'server/api/',
  ],
  'prom-client': ['server/ops/metrics.ts'],
  helmet: ['server/page.ts'],
  'socket.io': ['server/realtime/realtime.ts', 'server/realtime/gateway-socket.ts'],
  ioredis: ['server/broker/redis/'],
  lmdb: ['server/local-store.ts'],
  joi: [
    'server/ops/config.ts',
    'server/ops/report.ts',
    'server/receiver/recall-webhook.ts',
    'server/realtime/payload-checks.ts',
    'server/identifier-schema.ts',
    'server/announcement.ts',
    'server/auth/',
    'server/api/',
    'server/commands/dev-settings.ts',
  ],
  jose: ['server/auth/', 'server/commands/token.ts'],
  pino: ['server/ops/logger.ts'],
  commander: ['server/main.ts'],
  preact: ['server/console/'],
  'preact/hooks': ['server/console/'],
  uplot: ['server/console/health/draw-chart.ts'],
  'socket.io-client': ['shared/client/'],
  'proxy-addr': ['server/client-address.ts'],
  'rate-limiter-flexible': ['server/auth/', 'server/api/'],
  vite: ['server/console/vite.config.ts'],
}

const isIn = (places: readonly string[], file: string): boolean =>
  places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place))

const homeOf = (file: string): string | undefined => Object.keys(ARROWS).find((place) => isIn([place], file))

describe('arrows between folders', () => {
  it('are read from real files', () => {
    expect(imports.length).to.be.above(100)
  })

  it('start from places that are named here', () => {
    expect(sources.filter((file) => homeOf(file) === undefined)).to.deep.equal([])
  })

  it('point one way', () => {
    const wrong = imports.filter(({ from, to }) => {
      const home = homeOf(from)
      if (home === undefined || !sources.includes(to)) return false
      return !isIn([home, 'shared/', ...(ARROWS[home] ?? [])], to)
    })
    expect(wrong).to.deep.equal([])
  })

  it('lead to libraries only from behind their fences', () => {
    const libraries = imports.filter(
      ({ to }) => !sources.includes(to) && !to.startsWith('node:') && !/\.(css|ts)$/.test(to),
    )
    expect(libraries.filter(({ from, to }) => !isIn(FENCES[to] ?? [], from))).to.deep.equal([])
  })

  it('lead from shared/ and the page to nothing that only Node has', () => {
    const node = imports.filter(
      ({ from, to }) => to.startsWith('node:') && /^(shared|server\/console)\//.test(from),
    )
    expect(node.filter(({ from }) => !from.endsWith('vite.config.ts'))).to.deep.equal([])
  })

  it('lead to environment, signals, streams and exit code from main.ts alone', () => {
    const using = sources.filter((file) =>
      /\bprocess\.(env|exit|on|argv|std)/.test(readFileSync(join(ROOT, file), 'utf8')),
    )
    expect(using).to.deep.equal(['server/main.ts'])
  })
})
