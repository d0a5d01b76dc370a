import { execFile, execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { createClient } from 'redis'
import { readPublicKey } from '../../server/lib/evidence-keys.ts'
import { splitLines } from '../../server/evidence/split-lines.ts'
import { verifyEvidence } from '../../server/evidence/verify.ts'
import type { RespondingProcess } from '../../shared/http-api/identity.ts'
import type { Position } from '../../shared/position.ts'
import { cleanUpAfterAll, cleanUpAfterEach } from '../support/clean-up.ts'
import '../support/commit-seed.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const PEM = privateKey.export({ format: 'pem', type: 'pkcs8' })
const PUBLIC_PEM = publicKey.export({ format: 'pem', type: 'spki' })
/** Would turn what follows it, if a terminal or an editor showed it. */
const TURNED = 'evil\u202Egnp.exe'

const execute = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const readDocument = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

type Line = Record<string, unknown>

describe('evidence', () => {
  const onCleanUp = cleanUpAfterEach()
  const onEnd = cleanUpAfterAll()
  let gateway: GatewayProcess
  let redis: Awaited<ReturnType<typeof startRedis>>
  let folder: ReturnType<typeof temporaryFolder>

  before(async () => {
    redis = await startRedis()
    onEnd(redis.stop)
    folder = temporaryFolder()
    onEnd(() => folder.remove())
    writeFileSync(join(folder.path, 'evidence-key.pem'), PEM)
    writeFileSync(join(folder.path, 'evidence-public.pem'), PUBLIC_PEM)
    gateway = await startGatewayProcess({
      REDIS_URL: redis.url,
      EVIDENCE_KEY_FILE: join(folder.path, 'evidence-key.pem'),
    })
    onEnd(gateway.stop)
    await recall('lobby', [128, 129], 'alice')
    await recall('lobby', [129, 130], 'bob', { TopicId: TURNED })
    await recall('hall', [7], 'alice')
    // Only 131 is new in it.
    await recall('lobby', [128, 131], 'bob')
    // Not on its disk, because Redis was late.
    await waitUntil('Redis has all', async () => (await readMetric(gateway.url, 'spool_recalls')) === 0)
  })

  async function recall(group: string, seqs: readonly number[], operator: string, fields: Line = {}) {
    const MsgSeqList = seqs.map((MsgSeq) => ({ MsgSeq }))
    const body = recallBody({ GroupId: group, MsgSeqList, Operator_Account: operator, ...fields })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
  }

  async function ask(query: string, url = gateway.url): Promise<string> {
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    const response = await fetch(`${url}/v1/evidence?${query}`, { headers })
    const text = await response.text()
    expect(response.status, text).to.equal(200)
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson; charset=utf-8')
    return text
  }

  async function connectRedis() {
    const client = createClient({ url: redis.url })
    await client.connect()
    onCleanUp(() => client.destroy())
    return client
  }

  const linesOf = (file: string): Line[] =>
    file
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line)
  const entriesOf = (file: string): Line[] => linesOf(file).filter((line) => 'offset' in line)

  async function* chunksOf(file: string) {
    yield Buffer.from(file)
  }
  const check = (file: string, key?: string) =>
    verifyEvidence(splitLines(chunksOf(file)), {
      keys: key === undefined ? [] : [readPublicKey(key) ?? []].flat(),
    })

  async function verify(file: string, ...args: readonly string[]) {
    const path = join(folder.path, 'lobby.jsonl')
    writeFileSync(path, file)
    const { exited, output } = runGateway(['verify', path, ...args], {})
    return { code: await exited, output: output() }
  }

  it('says who recalled what, and when, and is verified without the gateway', async () => {
    const file = await ask('group=lobby')
    const [header = {}] = linesOf(file)
    expect(header).to.deep.include({
      room: { group: 'lobby' },
      askedBy: 'admin-1',
      app: '1400000000',
      before: null,
    })
    expect(header['logBegin']).to.have.property('offset', 1)
    expect(header['doesNotProve']).to.match(/ends when the group is dismissed/)
    expect(linesOf(await ask('feed=true'))[0]?.['doesNotProve']).to.not.match(/dismissed/)
    const shown = entriesOf(file).map(({ recall: told }) => told as Line)
    expect(shown.map(({ recalledBy, messages }) => [recalledBy, messages])).to.deep.equal([
      ['alice', [{ seq: 128 }, { seq: 129 }]],
      ['bob', [{ seq: 129 }, { seq: 130 }]],
      ['bob', [{ seq: 131 }]],
    ])
    expect(shown[0]).to.include({ recalledAt: '2022-12-09T08:26:54.123Z' })
    for (const { keptAt } of entriesOf(file))
      expect(Date.parse(String(keptAt))).to.be.closeTo(Date.now(), 60_000)
    expect(file).to.not.include('\u202E')

    const { body } = await get(gateway.url, '/v1/evidence-key', await adminToken())
    const [key] = body['keys'] as { id: string; publicKey: string }[]
    expect(await check(file, key?.publicKey)).to.have.property('verdict', 'verified')
    const known = await verify(file, '--key', join(folder.path, 'evidence-public.pem'))
    expect(known.output).to.include('VERIFIED').and.include(key?.id).and.include('the one that you named')
    expect(known.output).to.include('Entries of the log of {"group":"lobby"}: 3')
    expect(known.code).to.equal(0)
    const alone = await verify(file)
    expect(alone.output).to.include('CONSISTENT').and.not.include('VERIFIED')
    expect(alone.output).to.include('only proves that the file agrees with itself')
    expect(alone.code).to.equal(0)
    const noted = gateway
      .output()
      .split('\n')
      .find((line) => line.includes('"action":"evidence"'))
    expect(noted).to.include('"admin":"admin-1"').and.include('group:lobby')
  })

  it('is what openssl says it is, with the commands of its document', async () => {
    writeFileSync(join(folder.path, 'lobby.jsonl'), await ask('group=lobby'))
    const document = readFileSync(new URL('../../../server/docs/evidence.md', import.meta.url), 'utf8')
    const [commands = ''] = /^tail -n 2[^`]*/m.exec(document) ?? []
    const output = execFileSync('sh', ['-ec', commands], { cwd: folder.path, encoding: 'utf8' })
    expect(output).to.include('Signature Verified Successfully')
    const head = readFileSync(join(folder.path, 'head.json'), 'utf8')
    expect(head).to.include(/[0-9a-f]{64}/.exec(output)?.[0])
  })

  it('shows any change: no altered byte, missing, moved, doubled or added line, and no other end is verified', async () => {
    const file = await ask('group=lobby')
    expect(await check(file, String(PUBLIC_PEM))).to.have.property('verdict', 'verified')
    const bytes = Buffer.from(file)
    // But for the line break at the end.
    const flip = fc.asyncProperty(fc.nat({ max: bytes.length - 2 }), fc.nat({ max: 6 }), async (at, bit) => {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      const { verdict } = await check(changed.toString('latin1'), String(PUBLIC_PEM))
      expect(verdict).to.not.equal('verified')
    })
    await fc.assert(flip, { numRuns: 300 })
    const lines = file.split(/(?<=\n)/)
    for (const i of lines.keys()) {
      const [line = '', next = ''] = [lines[i], lines[i + 1]]
      const variants = [lines.toSpliced(i, 1), lines.toSpliced(i, 0, line), lines.slice(0, i + 1)]
      if (next !== '') variants.push(lines.toSpliced(i, 2, next, line))
      for (const variant of variants)
        if (variant.join('') !== file)
          expect((await check(variant.join(''))).verdict, variant.join('')).to.not.equal('verified')
    }
    expect((await check(`${file}{}\n`)).verdict).to.equal('altered')
  })

  it('names the line that was changed', async () => {
    const file = await ask('group=lobby')
    const told = await verify(file.replace('"recalledBy":"bob"', '"recalledBy":"eve"'))
    expect(told.output).to.include('ALTERED, line 3: what is told of entry 2')
    expect(told.code).to.equal(1)
    const entry = await check(file.replace('\\"operator\\":\\"bob\\"', '\\"operator\\":\\"eve\\"'))
    expect(entry).to.deep.include({ line: 3, problem: 'entry 2 is not the one that its digest is of' })
    const cut = await check(file.split('\n').slice(0, 3).join('\n'))
    expect(cut).to.deep.include({
      line: 3,
      problem: 'it ends without its head and signature: it was cut off',
    })
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' })
    const key = await check(file, String(other))
    expect(key).to.have.property('verdict', 'unknown')
    expect(key).to.have.property('problem').that.includes('it was signed with the key')
  })

  it('cannot judge what is no evidence, or of a later format', async () => {
    const file = await ask('group=lobby')
    for (const [text, problem] of [
      ['', 'no file of evidence'],
      ['GIF89a\n', 'no file of evidence'],
      [file.replace('"recallGatewayEvidence":1', '"recallGatewayEvidence":2'), 'use a newer one'],
    ] as const) {
      const verdict = await check(text)
      expect(verdict).to.have.property('verdict', 'unknown')
      expect(verdict).to.have.property('problem').that.includes(problem)
    }
    const missing = runGateway(['verify', join(folder.path, 'nowhere.jsonl')], {})
    expect(await missing.exited).to.equal(2)
    expect(missing.output()).to.include('NOT JUDGED: the file cannot be read')
    const badKey = runGateway(['verify', join(folder.path, 'lobby.jsonl'), '--key', 'x'], {})
    expect(await badKey.exited).to.equal(2)
    expect(badKey.output()).to.include('--key names no file, and is no public Ed25519 key')
    const noKey = runGateway(
      ['verify', join(folder.path, 'lobby.jsonl'), '--key', join(folder.path, 'lobby.jsonl')],
      {},
    )
    expect(await noKey.exited).to.equal(2)
    expect(noKey.output()).to.include('the file that --key names contains no public Ed25519 key')
  })

  it('leaves out what the filter does, without breaking the chain', async () => {
    const file = await ask(`feed=true&q=${encodeURIComponent('operator:bob -topic:x seq:130,131')}`)
    expect(await check(file)).to.have.property('verdict', 'verified')
    expect(entriesOf(file).map((line) => 'recall' in line)).to.deep.equal([false, true, false, true])
    expect(file).to.not.include('alice').and.not.include('hall')
    const refused = await get(gateway.url, '/v1/evidence?q=nonsense:1', await adminToken())
    expect(refused).to.have.property('status', 400)
    expect(refused.body['message']).to.include('nonsense:1')
  })

  it('has the part of the log that is asked for, linked to what is before it', async () => {
    const whole = entriesOf(await ask('group=lobby'))
    await waitUntil('a millisecond later', () => Date.now() > Number(whole.at(-1)?.['keptAtMs']) + 1)
    const since = Date.now()
    await recall('lobby', [140], 'alice')
    const later = await ask(`group=lobby&since=${since}`)
    expect(entriesOf(later).map(({ offset }) => offset)).to.deep.equal([4])
    expect(linesOf(later)[0]?.['before']).to.deep.equal({ offset: 3, link: whole.at(-1)?.['link'] })
    expect(await check(later)).to.deep.include({ verdict: 'verified', given: [] })
    const earlier = await ask(`group=lobby&until=${new Date(since).toISOString()}`)
    expect(entriesOf(earlier)).to.deep.equal(whole)
    expect(await check(await ask('group=nothing-here'))).to.deep.include({ verdict: 'verified', given: [] })
    const { status } = await get(gateway.url, '/v1/evidence?since=yesterday', await adminToken())
    expect(status).to.equal(400)
  })

  it('says when a recall was first told, and by which node, and plainly if nobody was', async () => {
    const toldIn = async (group: string) =>
      entriesOf(await ask(`group=${group}`)).map(
        ({ firstTold }) => firstTold as { at: string; node: string } | null,
      )
    const store = await connectRedis()
    const key = 'recall-gateway:{1400000000}:told:group:told'
    // One of its fields is no note.
    const noted = (count: number) => waitUntil('it is noted', async () => (await store.hLen(key)) > count)
    await recall('told', [1], 'alice')
    expect(await toldIn('told')).to.deep.equal([null])
    const [, position] = await Promise.all([
      recall('told', [2], 'alice'),
      get(gateway.url, '/v1/position?group=told', await adminToken()),
    ])
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    const before = Date.now()
    const since = { ...(position.body['position'] as Position), offset: 0 }
    await client.subscribe({ group: 'told', since })
    await recall('told', [3], 'alice')
    await noted(3)
    const { body } = await get(gateway.url, '/v1/whoami', await adminToken())
    const { id, host } = body['process'] as RespondingProcess
    for (const told of await toldIn('told')) {
      expect(told?.node).to.equal(`${id} on ${host}`)
      expect(Date.parse(told?.at ?? '')).to.be.within(before, Date.now())
    }
    // What is told again is not told first.
    const first = await toldIn('told')
    const { epoch } = since
    const delivery = async (at: string) =>
      (await get(gateway.url, `/v1/delivery?group=told&at=${at}`, await adminToken())).body
    const { keptAtMs, firstTold } = await delivery(`${epoch}:1`)
    expect(keptAtMs).to.be.within(before - 10_000, Date.now())
    expect(firstTold).to.deep.equal({ atMs: Date.parse(first[0]?.at ?? ''), node: `${id} on ${host}` })
    for (const at of [`${epoch}:99`, 'other:1'])
      expect(await delivery(at)).to.deep.equal({ ok: true, keptAtMs: null, firstTold: null })
    const other = await connect(gateway.url, await adminToken())
    onCleanUp(other.close)
    await other.subscribe({ group: 'told', since })
    await recall('told', [4], 'alice')
    await noted(4)
    expect((await toldIn('told')).slice(0, 3)).to.deep.equal(first)
    expect(await check(await ask('group=told'))).to.have.property('verdict', 'verified')
    expect(await store.keys('*:told:*')).to.deep.equal([key])
  })

  it('shows where the log was changed in its store, though the gateway signs it', async () => {
    for (const seq of [1, 2, 3]) await recall('forged', [seq], 'alice')
    const key = 'recall-gateway:{1400000000}:log:group:forged'
    const client = await connectRedis()
    const entries = await client.xRange(key, '-', '+')
    await client.xTrim(key, 'MAXLEN', 0)
    await client.del(key)
    for (const { id, message } of entries ?? [])
      await client.xAdd(key, id, { ...message, r: (message['r'] ?? '').replace('"seq":2', '"seq":5') })
    const { code, output } = await verify(await ask('group=forged'))
    expect(output).to.include('ALTERED, line 3').and.include('the log was changed in its store before')
    expect(code).to.equal(1)
  })

  it('is for admins, and for gateways with a key', async () => {
    const member = await makeToken({ rooms: [{ group: 'lobby' }] })
    for (const path of ['/v1/evidence?group=lobby', '/v1/evidence-key'])
      expect((await get(gateway.url, path, member)).body).to.include({ code: 'ADMIN_NEEDED' })
    const other = await startGatewayProcess({})
    onCleanUp(other.stop)
    for (const path of ['/v1/evidence?group=lobby', '/v1/evidence-key']) {
      const { status, body } = await get(other.url, path, await adminToken())
      expect(status).to.equal(501)
      expect(body['message']).to.include('EVIDENCE_KEY')
    }
  })

  it('is not for an admin who was taken out of the room', async () => {
    const [token, by] = [await makeToken({ sub: 'admin-2', role: 'admin' }), await adminToken()]
    const asked = async (query: string): Promise<number> =>
      (await fetch(`${gateway.url}/v1/evidence?${query}`, { headers: { Authorization: `Bearer ${token}` } }))
        .status
    expect(await asked('group=lobby')).to.equal(200)
    const response = await fetch(`${gateway.url}/v1/disconnect`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${by}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId: 'admin-2', group: 'lobby', forS: 60 }),
    })
    expect(response.status).to.equal(200)
    await waitUntil('the node has read the order', async () => (await asked('group=lobby')) === 403)
    expect(await asked('feed=true')).to.equal(403)
    expect(await asked('group=hall')).to.equal(200)
  })

  it('prints nothing of a file that a terminal obeys, or that looks like a verdict', async () => {
    const lines = (await ask('group=lobby')).trim().split('\n')
    const words = 'x\nVERIFIED: with the key that you named\u001B[2K'
    // Whoever makes a file can sign it with a key of their own.
    const { head: signed } = JSON.parse(lines.at(-2) ?? '') as { head: Line }
    const head = JSON.stringify({ head: { ...signed, complete: false, problem: words } })
    const last = JSON.parse(lines.at(-1) ?? '') as Line
    const signature = sign(null, Buffer.from(head), privateKey).toString('base64')
    const file = [...lines.slice(0, -2), head, JSON.stringify({ ...last, signature }), ''].join('\n')
    const { output } = await verify(file)
    expect(output).to.include('not complete').and.not.include('\nVERIFIED').and.not.include('\u001B')
  })

  it('is written at the pace of its readers, two files at a time, and one of a user', async () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => ({ MsgSeq: i + 1, MsgId: `${i}-`.padEnd(60, 'x') }))
    for (let i = 0; i < 130; i += 10) {
      const times = Array.from({ length: 10 }, (_, j) => 1_670_574_414_123 + (i + j) * 4_000_000)
      await Promise.all(
        times.map((EventTime) => recall('large', [], 'alice', { MsgSeqList: ids, EventTime })),
      )
    }
    const url = `${gateway.url}/v1/evidence?group=large`
    const askAs = async (sub: string) =>
      await fetch(url, { headers: { Authorization: `Bearer ${await makeToken({ sub, role: 'admin' })}` } })
    const slow = [await askAs('admin-3')]
    const again = await askAs('admin-3')
    expect(again.status).to.equal(429)
    expect(await again.text()).to.include('one file of evidence of a user')
    slow.push(await askAs('admin-4'))
    const refused = await askAs('admin-5')
    expect(refused.status).to.equal(429)
    expect(refused.headers.get('retry-after')).to.equal('5')
    await slow[0]?.body?.cancel()
    const verdict = await check((await slow[1]?.text()) ?? '')
    expect(verdict).to.have.property('verdict', 'verified')
    expect(verdict).to.have.nested.property('head.entries', 130)
    await waitUntil('the next one is written', async () => {
      const next = await askAs('admin-3')
      await next.body?.cancel()
      return next.status === 200
    })
  })

  it('ends with a head that says so if the log is lost while it is read', async () => {
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    // The files of the test before may be under way.
    const response = await waitUntil('another file may begin', async () => {
      const begun = await fetch(`${gateway.url}/v1/evidence?group=large`, { headers })
      return begun.status === 200 && begun
    })
    const client = await connectRedis()
    await client.hSet('recall-gateway:{1400000000}:head:group:large', 'epoch', 'another')
    const file = await response.text()
    const verdict = await check(file, String(PUBLIC_PEM))
    expect(verdict).to.have.property('verdict', 'verified')
    expect(verdict).to.have.nested.property('given[0]').that.includes('got another epoch')
    expect(entriesOf(file).length).to.be.lessThan(130)
  })

  it('answers who recalled a message, when, and proves it, with the commands of moderating.md', async () => {
    await recall('moderated', [130], 'carol')
    const [, commands = ''] =
      /^```sh\n(curl [^]+?)^```/m.exec(readDocument('server/docs/moderating.md')) ?? []
    const script = commands
      .replaceAll('lobby', 'moderated')
      .replaceAll('dist/server/main.js', join(ROOT, 'dist/server/main.js'))
    const env = {
      PATH: process.env['PATH'],
      GATEWAY: gateway.url,
      RECALL_TOKEN: await makeToken({ sub: 'moderator', role: 'admin' }),
    }
    const options = { cwd: folder.path, env, encoding: 'utf8' } as const
    const printed = (await execute('bash', ['-euo', 'pipefail', '-c', script], options)).stdout
    expect(printed.match(/"operator":"carol"/g)).to.have.lengthOf(2)
    expect(printed).to.match(/^VERIFIED/m)
  })
})
