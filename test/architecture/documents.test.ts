import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { configSchema } from '../../server/config/config.ts'
import { NEEDS } from '../../server/broker/redis/needs.ts'
import { CATALOGUE } from '../../server/doctor/catalogue.ts'
import { zh } from '../../server/console/i18n/zh.ts'
import { PROBLEMS } from '../../server/telemetry/health-rules.ts'
import { ERRORS, GOODBYES } from '../../shared/errors.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Variables that Node, npm and the tests read, and names of other languages. */
const OTHER_VARIABLES = [
  'JSON_THROW_ON_ERROR',
  'REQUEST_URI',
  'UTF_8',
  'OUTER_PROXIES',
  'PROXY_PORT',
  'NODE_ENV',
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'REDIS_SERVER',
  'REDIS_URI',
  'RECALL_TOKEN',
  'REDIS_ADMIN',
  'CHURN_S',
  'CONSOLE_URL',
  'HTTPS_PROXY',
  'NO_PROXY',
  'NODE_USE_ENV_PROXY',
  'REDISCLI_AUTH',
]
/** Commands of npm itself. */
const NPM = { ci: '', create: '', install: '', pack: '', prune: '', publish: '' }
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** Returns the table rows of a document, as lists of cells without backquotes. */
const rowsOf = (document: string): string[][] =>
  document
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )

/** The settings without which `readConfig` refuses the default role; `test/unit/config.test.ts` checks that. */
const REQUIRED = new Set(['SDK_APP_ID', 'WEBHOOK_TOKEN', 'JWT_SECRET'])

describe('configuration.md', () => {
  const settings = configSchema.describe().keys as Record<
    string,
    { flags?: { default?: unknown; presence?: string; description?: string } }
  >
  const rows = rowsOf(read('server/docs/configuration.md'))

  for (const [name, { flags }] of Object.entries(settings)) {
    it(`describes ${name} as the settings do`, () => {
      const row = rows.find(([first]) => first === name)
      expect(row, `${name} has no row`).to.not.equal(undefined)
      const defaultValue: unknown = flags?.default
      if (typeof defaultValue === 'number' || (typeof defaultValue === 'string' && defaultValue !== ''))
        expect(row?.[1]).to.equal(`${defaultValue}`)
      else expect(row?.[1]).to.equal(REQUIRED.has(name) ? 'required' : '—')
      expect(row?.[2]?.replaceAll('\\|', '|')).to.equal(flags?.description?.replaceAll('`', ''))
    })
  }

  it('describes no setting that does not exist', () => {
    const named = rows.map(([first = '']) => first).filter((first) => /^[A-Z][A-Z_]+$/.test(first))
    expect(named.filter((name) => !(name in settings) && !(name in ERRORS))).to.deep.equal([])
  })
})

describe('PROTOCOL.md', () => {
  const rows = rowsOf(read('shared/PROTOCOL.md'))

  for (const [code, { status, retry }] of Object.entries(ERRORS)) {
    it(`describes ${code} as the catalogue does`, () => {
      const row = rows.find(([first]) => first === code)
      expect(row?.slice(1, 3)).to.deep.equal([String(status), retry ? 'yes' : 'no'])
    })
  }

  it('describes every goodbye', () => {
    for (const { code, reason } of Object.values(GOODBYES)) {
      expect(rows.find(([first]) => first === String(code))?.[1]).to.equal(reason)
    }
  })

  it('describes every socket event', () => {
    const events = [...read('shared/protocol.ts').matchAll(/^ {2}'?([a-z-]+)'?\(/gm)].map(
      ([, event = '']) => event,
    )
    expect(events).to.include.members(['subscribe', 'unsubscribe', 'messages-recalled', 'gap', 'goodbye'])
    for (const event of events) expect(read('shared/PROTOCOL.md')).to.include(`\`${event}\``)
  })
})

describe('CLIENTS.md', () => {
  it('describes every code with which the client says why it is offline, and the console says each in Chinese', () => {
    const codes = ['connection', 'diagnosis', 'failure', 'probe'].flatMap((file) =>
      [...read(`shared/client/${file}.ts`).matchAll(/'([A-Z][A-Z_]{4,})'/g)].map(([, code = '']) => code),
    )
    const described = rowsOf(read('shared/CLIENTS.md'))
      .map(([first = '']) => first)
      .filter((first) => /^[A-Z][A-Z_]+$/.test(first))
    // Node's own codes begin with E.
    const isOfClient = (code: string): boolean => !(code in ERRORS) && !/^E[A-Z]+$/.test(code)
    expect(new Set(described.filter(isOfClient))).to.deep.equal(new Set(codes.filter(isOfClient)))
    for (const code of described) expect(code in zh.errors || code in zh.reasons, code).to.equal(true)
  })
})

describe('the table of requests in CLIENTS.md', () => {
  it('has every request of the HTTP API', () => {
    const paths = [...read('shared/openapi.yaml').matchAll(/^ {2}(\/v1\/[a-z-]+):/gm)].map(
      ([, path = '']) => path,
    )
    const rows = rowsOf(read('shared/CLIENTS.md')).map(([request = '']) => request)
    expect(paths).to.have.lengthOf.above(20)
    expect(paths.filter((path) => !rows.some((row) => row.includes(path)))).to.deep.equal([])
  })
})

describe('moderating.md', () => {
  it('quotes what the console says', () => {
    const folder = 'server/console/i18n'
    const files = readdirSync(join(ROOT, folder)).filter((file) => file.startsWith('en'))
    const said = files.map((file) => read(join(folder, file))).join('\n')
    const text = read('server/docs/moderating.md')
    const quoted = [...proseOf(text).matchAll(/"([^"]+?)(?: …)?"/g)].map(([, words = '']) => words)
    const sentences = rowsOf(text).flatMap(([first = '']) => (first.startsWith('None') ? [first] : []))
    expect(quoted).to.include.members(['Link', 'Evidence'])
    expect(sentences).to.have.lengthOf(3)
    expect([...quoted, ...sentences].filter((words) => !said.includes(`'${words}`))).to.deep.equal([])
  })
})

describe('operations.md', () => {
  it('has every reason for which delivery is in doubt, and the console says each in Chinese', () => {
    const reasons = ['delivery', 'receivers'].flatMap((file) =>
      [...read(`server/realtime/delivery/${file}.ts`).matchAll(/^const [A-Z_]+ = '([^']+)'$/gm)].map(
        ([, reason = '']) => reason,
      ),
    )
    expect(reasons).to.include('it is not proved that notices reach this node')
    const described = rowsOf(read('server/docs/operations.md')).map(([first]) => first)
    expect(described).to.include.members(reasons)
    expect(zh.reasons).to.include.keys(reasons)
  })
})

describe('commands.md', () => {
  it('lists exactly what the doctor looks at, and every finding leads to a heading that exists', () => {
    const described = rowsOf(read('server/docs/commands.md')).filter(([, what, more]) => what && !more)
    expect(described.map(([id]) => id).filter((id) => !/^(id|-+)$/.test(id ?? ''))).to.deep.equal(
      Object.keys(CATALOGUE),
    )
    for (const [id, [, link]] of Object.entries(CATALOGUE)) {
      const [file = '', anchor] = link.split('#')
      expect(anchorsOf(read(file)), id).to.include(anchor)
    }
  })
})

describe('redis.md', () => {
  it('grants exactly the commands that the gateway needs, of which those of scripts are asked for', () => {
    const [, words = ''] = /^user gateway on >\S+ ((?:.|\n)+?)^```/m.exec(read('server/docs/redis.md')) ?? []
    const granted = [...words.matchAll(/ \+(\S+)/g)].map(([, command]) => command)
    const needed = NEEDS.flatMap(({ command, only }) => (only === undefined ? [command] : []))
    expect(granted).to.have.members(needed)
    for (const { command, only } of NEEDS)
      if (only !== undefined) expect(read('server/docs/redis.md')).to.include(`+${command}`)
    const inScripts = [...read('server/broker/redis/scripts/rights.lua').matchAll(/^need\('(\w+)'/gm)]
    expect(needed).to.include.members(inScripts.map(([, command]) => command))
  })
})

/** Every document of the project. */
const DOCUMENTS = ['.', 'shared', 'server/docs', 'server/console'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file)),
)

/** Returns a document without its code blocks. */
const proseOf = (document: string): string => document.replaceAll(/^```[^]*?^```/gm, '')

/** Returns the commands in the shell blocks of a document, without comments. */
const commandsIn = (document: string): string[] =>
  [...document.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = '']) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.replace(/\s#.*/, '').trim())
      .filter((line) => line !== ''),
  )

/** Returns the anchors that GitHub derives from headings. */
const anchorsOf = (document: string): string[] =>
  [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-'),
  )

/** The codes by which failures at Redis are named. */
const codesOfRedis = ['failure', 'failure-meanings', 'discovery'].flatMap((file) =>
  [...read(`server/broker/redis/connection/${file}.ts`).matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(
    ([code]) => code,
  ),
)

/** The codes by which the client names what it finds by itself. */
const codesOfClient = readdirSync(join(ROOT, 'shared/client')).flatMap((file) =>
  [...read(`shared/client/${file}`).matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)].map(([, code]) => code),
)

describe('the documents', () => {
  for (const document of DOCUMENTS) {
    const text = read(document)

    it(`lead from ${document} only to files and headings that exist`, () => {
      const targets = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^https?:/.test(target))
      for (const target of targets) {
        const [path = '', anchor] = target.split('#')
        const file = path === '' ? document : join(dirname(document), path)
        expect(existsSync(join(ROOT, file)), target).to.equal(true)
        if (anchor !== undefined) expect(anchorsOf(read(file)), target).to.include(anchor)
      }
    })

    it(`name in ${document} only commands that exist`, () => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
      const parts = commandsIn(text).flatMap((command) => command.split(/\s*&&\s*/))
      for (const part of parts) {
        const [, script] = /^(?:\w+=\S+ )*npm (?:run )?(\S+)/.exec(part) ?? []
        if (script !== undefined) expect({ ...scripts, ...NPM }, part).to.have.property(script)
        const [, file] = /\.bin\/mocha '?([^'\s]+)/.exec(part) ?? []
        const source = file?.replace(/^dist\//, '').replace('.js', '.ts')
        if (source !== undefined)
          expect(existsSync(join(ROOT, source.split('**')[0] ?? '')), part).to.equal(true)
      }
    })

    it(`name in ${document} only settings and codes that exist`, () => {
      const settings = Object.keys(configSchema.describe().keys as object)
      const codes = [...Object.keys(ERRORS), ...Object.keys(PROBLEMS), ...codesOfRedis, ...codesOfClient]
      const known = [...settings, ...settings.map((name) => `${name}_FILE`), ...codes]
      const named = [...text.matchAll(/(?<![\w$])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g)].map(([, name]) => name)
      expect(
        named.filter((name) => !known.includes(name ?? '') && !OTHER_VARIABLES.includes(name ?? '')),
      ).to.deep.equal([])
    })

    it(`name in ${document} only requests that the HTTP API has`, () => {
      const described = read('shared/openapi.yaml')
      for (const [path] of text.matchAll(/\/v1\/[a-z-]+/g)) expect(described).to.include(`\n  ${path}:\n`)
    })
  }

  it('say the same about what can still be lost', () => {
    const [ours, theirs] = ['README.md', 'shared/PROTOCOL.md'].map((file) =>
      rowsOf(/^### What can still be lost\n([^]*?)^#/m.exec(read(file))?.[1] ?? ''),
    )
    expect(ours).to.have.lengthOf.above(10)
    expect(theirs).to.deep.equal(ours)
  })

  it('start with a README of at most 150 lines, which leads to all of them', () => {
    const readme = read('README.md')
    expect(readme.split('\n').length).to.be.at.most(150)
    const others = DOCUMENTS.filter((document) => document !== 'README.md')
    expect(others.filter((document) => !readme.includes(`](${document}`))).to.deep.equal([])
  })
})

describe('ARCHITECTURE.md', () => {
  it('names only files that exist', () => {
    const named = [...read('ARCHITECTURE.md').matchAll(/`((?:server|shared|test)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.length).to.be.above(20)
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).to.deep.equal([])
  })
})

for (const lock of ['package-lock.json', 'test/package-lock.json']) {
  describe(lock, () => {
    it('names no host', () => {
      expect(read(lock)).to.not.match(/"resolved"|https?:\/\/[^"]*\.tgz/)
    })
  })
}
