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

/** For each place, the parts of the project that it may import besides its own folder and `shared/`. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'shared/': [],
  'server/lib/': [],
  'server/telemetry/': ['server/lib/duration.ts', 'server/lib/flow-control.ts'],
  'server/http/': [
    'server/lib/memory-budget.ts',
    'server/lib/path.ts',
    'server/lib/watch-files.ts',
    'server/telemetry/',
  ],
  'server/evidence/': [
    'server/broker/broker.ts',
    'server/broker/chain.ts',
    'server/broker/log-reading.ts',
    'server/broker/told.ts',
    'server/lib/evidence-keys.ts',
  ],
  'server/config/': [
    'server/http/client-address.ts',
    'server/http/origins.ts',
    'server/lib/',
    'server/receiver/commands/before-commands.ts',
  ],
  'server/auth/': [
    'server/http/client-address.ts',
    'server/http/fetch.ts',
    'server/lib/',
    'server/telemetry/logger.ts',
  ],
  'server/broker/': ['server/lib/', 'server/telemetry/logger.ts', 'server/telemetry/metrics-port.ts'],
  'server/receiver/': ['server/broker/broker.ts', 'server/lib/', 'server/telemetry/'],
  'server/realtime/rooms/': [
    'server/broker/broker.ts',
    'server/broker/log-reading.ts',
    'server/broker/told.ts',
    'server/lib/',
    'server/telemetry/',
  ],
  'server/realtime/sessions/': [
    'server/realtime/rooms/',
    'server/auth/',
    'server/broker/broker.ts',
    'server/broker/log-reading.ts',
    'server/lib/',
    'server/telemetry/',
  ],
  'server/realtime/presence/': [
    'server/realtime/sessions/',
    'server/broker/broker.ts',
    'server/lib/',
    'server/telemetry/',
  ],
  'server/realtime/': [
    'server/auth/',
    'server/broker/broker.ts',
    'server/http/client-address.ts',
    'server/http/error-response.ts',
    'server/http/origins.ts',
    'server/lib/',
    'server/telemetry/',
  ],
  'server/api/': [
    'server/auth/',
    'server/broker/broker.ts',
    'server/broker/log-reading.ts',
    'server/evidence/',
    'server/http/client-address.ts',
    'server/http/cors.ts',
    'server/http/not-found.ts',
    'server/http/origins.ts',
    'server/lib/',
    'server/telemetry/',
  ],
  'server/console/state/': [],
  'server/console/i18n/': ['server/console/state/'],
  'server/console/ui/': ['server/console/i18n/', 'server/console/state/'],
  'server/console/list/': ['server/console/ui/', 'server/console/i18n/', 'server/console/state/'],
  'server/console/shell/': ['server/console/ui/', 'server/console/i18n/', 'server/console/state/'],
  'server/console/views/': [
    'server/console/list/',
    'server/console/ui/',
    'server/console/i18n/',
    'server/console/state/',
  ],
  'server/console/app.tsx': [
    'server/console/views/',
    'server/console/shell/',
    'server/console/i18n/',
    'server/console/state/',
  ],
  'server/console/main.tsx': [
    'server/console/app.tsx',
    'server/console/shell/',
    'server/console/ui/',
    'server/console/i18n/',
    'server/console/state/',
  ],
  'server/console/': [],
  'server/doctor/': [
    'server/broker/redis/examination.ts',
    'server/broker/redis/persistence.ts',
    'server/config/',
    'server/http/client-address.ts',
    'server/http/forwarded.ts',
    'server/http/open-files.ts',
    'server/lib/',
    'server/receiver/provider-call.ts',
    'server/receiver/request-times.ts',
    'server/receiver/responses.ts',
    'server/telemetry/',
  ],
  'server/composition/': [
    'server/api/',
    'server/auth/',
    'server/broker/',
    'server/config/',
    'server/doctor/',
    'server/http/',
    'server/lib/',
    'server/realtime/presence/all-presence.ts',
    'server/realtime/realtime.ts',
    'server/realtime/rooms/told-notes.ts',
    'server/receiver/',
    'server/telemetry/',
  ],
  'server/gateway.ts': [
    'server/composition/',
    'server/broker/',
    'server/config/',
    'server/http/',
    'server/lib/',
    'server/receiver/',
    'server/telemetry/',
  ],
  'server/cli/': [
    'server/gateway.ts',
    'server/config/',
    'server/evidence/',
    'server/lib/claim-path.ts',
    'server/lib/evidence-keys.ts',
    'server/doctor/',
    'server/http/fetch.ts',
    'server/lib/data-dir.ts',
    'server/lib/duration.ts',
    'server/lib/file-lock.ts',
    'server/telemetry/logger.ts',
    'server/receiver/',
    'server/auth/jwt.ts',
  ],
  'server/main.ts': ['server/cli/', 'server/lib/release.ts'],
}

/** Which files may import a library. A library that is not listed here may not be imported at all. */
const FENCES: Readonly<Record<string, readonly string[]>> = {
  express: ['server/composition/', 'server/telemetry/', 'server/http/', 'server/api/'],
  'prom-client': [
    'server/telemetry/counters.ts',
    'server/telemetry/gauges.ts',
    'server/telemetry/metrics.ts',
    'server/telemetry/process-gauges.ts',
  ],
  helmet: ['server/http/static-files.ts'],
  negotiator: ['server/http/precompressed.ts'],
  'socket.io': ['server/realtime/socket-io/'],
  ioredis: ['server/broker/redis/'],
  lmdb: ['server/lib/data-dir.ts'],
  joi: [
    'server/lib/schema.ts',
    'server/lib/conversation-schema.ts',
    'server/config/',
    'server/auth/',
    'server/api/',
    'server/receiver/commands/',
    'server/receiver/quarantine/questions.ts',
    'server/realtime/presence/questions.ts',
    'server/realtime/sessions/requests.ts',
    'server/telemetry/configuration-answer.ts',
    'server/telemetry/folder-notes.ts',
    'server/telemetry/heartbeat-state.ts',
    'server/telemetry/history-record.ts',
  ],
  jose: ['server/auth/'],
  pino: ['server/telemetry/logger.ts', 'server/telemetry/described-error.ts'],
  commander: ['server/main.ts', 'server/cli/'],
  preact: ['server/console/'],
  'preact/hooks': ['server/console/'],
  'socket.io-client': ['shared/client/'],
  dataloader: ['server/lib/flow-control.ts'],
  'rate-limiter-flexible': ['server/auth/', 'server/api/'],
  undici: ['server/receiver/relay/'],
  vite: ['server/console/vite.config.ts'],
}

const isIn = (places: readonly string[], file: string): boolean =>
  places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place))

const homeOf = (file: string): string | undefined => Object.keys(ARROWS).find((place) => isIn([place], file))

describe('arrows between folders', () => {
  it('are read from real files', () => {
    expect(imports.length).to.be.above(100)
  })

  it('start from places that are listed here', () => {
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

  it('lead from shared/ and the console to nothing that only Node has', () => {
    const node = imports.filter(
      ({ from, to }) => to.startsWith('node:') && /^(shared|server\/console)\//.test(from),
    )
    expect(node.filter(({ from }) => !from.endsWith('vite.config.ts'))).to.deep.equal([])
  })

  it('leave private fields of Socket.IO, Engine.IO and ws to the files of internals', () => {
    const reading = sources.filter((file) =>
      /\b(_socket|_events|writeBuffer|bufferedAmount|wsPreEncodedFrame|rawListeners|onevent)\b/.test(
        readFileSync(join(ROOT, file), 'utf8'),
      ),
    )
    expect(reading).to.have.members([
      'server/realtime/socket-io/idle-internals.ts',
      'server/realtime/socket-io/internals.ts',
      'server/realtime/socket-io/receiving-internals.ts',
      'server/realtime/socket-io/request-internals.ts',
      'server/realtime/socket-io/waiting-internals.ts',
    ])
  })

  it('lead to environment, signals, streams and exit code from main.ts, the version check and the logger alone', () => {
    const using = sources.filter((file) =>
      /\bprocess\.(env|exit|on|argv|std)/.test(readFileSync(join(ROOT, file), 'utf8')),
    )
    const logging = ['server/telemetry/log-writer.ts', 'server/telemetry/logger.ts']
    expect(using).to.have.members(['server/main.ts', 'server/cli/node-version.ts', ...logging])
  })
})
