import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Broker, Published } from '../../server/broker/broker.ts'
import { openSpool } from '../../server/broker/spooling/spool.ts'
import type { SpoolDamage } from '../../server/broker/spooling/spool.ts'
import { createSpoolingBroker } from '../../server/broker/spooling/spooling-broker.ts'
import { lockDataDir } from '../../server/lib/data-dir.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { seqsOf } from '../support/seqs.ts'

const recall = (seq: number): Recall => ({
  group: `g${seq % 10}`,
  messages: [{ seq }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

describe('the disk of the spool', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A spooling broker in front of one that is away until `state.isAvailable`. */
  async function start(disk?: Disk) {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const state = { isAvailable: false }
    const stored: number[] = []
    const broker: Broker = {
      ...createScriptedBroker(async () => undefined).broker,
      async publish({ messages }): Promise<Published> {
        if (!state.isAvailable) throw new GatewayError('BROKER_UNAVAILABLE')
        stored.push(...seqsOf(messages))
        return { duplicate: false, positions: [] }
      },
    }
    const damages: SpoolDamage[] = []
    const logged: string[] = []
    const log = pino({}, { write: (line) => void logged.push((JSON.parse(line) as { msg: string }).msg) })
    const spool = openSpool({
      dataDir: folder.path,
      maxBytes: 2 ** 24,
      onDamage: (damage) => damages.push(damage),
      ...(disk && { disk }),
    })
    const spooling = createSpoolingBroker(
      { brokerName: 'b', historySize: 100_000 },
      { broker, spool, setAside: async () => undefined, log },
    )
    await spooling.start()
    onCleanUp(spooling.stop)
    const publish = (first: number, count: number) =>
      Promise.all(Array.from({ length: count }, (_, i) => spooling.publish(recall(first + i), 10_000)))
    return { state, stored, damages, logged, spool, publish, journal: join(folder.path, 'spool', 'journal') }
  }

  it('may lose a file to somebody else: that is reported, and everything else goes on', async () => {
    const { state, stored, damages, spool, publish, journal } = await start()
    await publish(1, 10)
    for (const name of readdirSync(journal)) rmSync(join(journal, name))
    // What is confirmed from now on is in a file that exists.
    await publish(11, 10)
    await waitUntil('the loss is noticed', () => spool.depth(Date.now()).recalls === 10)
    expect(damages).to.have.length(1)
    expect(damages[0]?.kind).to.equal('entry')
    expect(damages[0]?.where).to.match(/gone, with 10 entries$/)
    state.isAvailable = true
    await waitUntil('the others are published', () => stored.length === 10)
    expect(stored.toSorted((one, other) => one - other)).to.deep.equal(
      Array.from({ length: 10 }, (_, i) => 11 + i),
    )
    await waitUntil('recalls need no spool', async () => !(await publish(50, 1))[0]?.spooled)
  })

  it('may be full: what is published leaves the spool as fast as ever', async () => {
    let isFull = false
    const full = (): never => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }
    const disk: Disk = {
      ...systemDisk,
      async create(name) {
        const file = await systemDisk.create(name)
        return { ...file, write: (content, at) => (isFull ? full() : file.write(content, at)) }
      },
    }
    const { state, stored, logged, spool, publish, journal } = await start(disk)
    for (let i = 0; i < 1_000; i += 100) await publish(i, 100)
    isFull = true
    state.isAvailable = true
    const startMs = performance.now()
    await waitUntil('the spool is empty', () => spool.isEmpty())
    expect(performance.now() - startMs).to.be.below(6_000)
    expect(new Set(stored).size).to.equal(1_000)
    expect(logged.filter((text) => text.startsWith('cannot write which recalls'))).to.have.length(1)
    expect(logged).to.not.include('cannot read or write the spool')
    expect(readdirSync(journal).filter((name) => name.includes('removed'))).to.have.length.below(2)
  })

  it('does not keep a receiver from starting without its broker, if it is unsure which one it has reached', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const damages: string[] = []
    const open = () =>
      openSpool({
        dataDir: folder.path,
        maxBytes: 2 ** 20,
        onDamage: ({ kind, where }) => damages.push(`${kind} ${where}`),
      })
    const wasReached = async (change: (file: string) => void) => {
      change(join(folder.path, 'spool', 'reached'))
      const spool = open()
      const answer = spool.wasReached('b')
      await spool.markReached('b')
      await spool.close()
      return answer
    }
    expect(await wasReached(() => undefined)).to.equal(false)
    expect(await wasReached(() => undefined)).to.equal(true)
    expect(damages).to.deep.equal([])
    for (const content of ['', 'recall-gateway 2 00000000\n["b"]\n'])
      expect(await wasReached((file) => writeFileSync(file, content))).to.equal(true)
    expect(damages).to.deep.equal([1, 2].map(() => `reached ${join(folder.path, 'spool', 'reached')}`))
    // It was written again.
    expect(await wasReached(() => undefined)).to.equal(true)
    expect(damages).to.have.length(2)
    expect(await wasReached(rmSync)).to.equal(false)
    const spool = open()
    await spool.append(recall(1))
    await spool.close()
    expect(await wasReached(rmSync)).to.equal(true)
  })

  it('is locked against a process in another container, which sees only the files', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const file = join(folder.path, 'lock')
    const other = spawn('flock', ['-n', file, 'sh', '-c', 'echo locked; read -r _'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(other.stdout, 'data')
    const refusal = await lockDataDir(folder.path).catch((error: unknown) => error)
    expect(refusal).to.have.property('code', 'START_FAILED')
    expect(refusal).to.have.property('message').that.includes('another gateway uses DATA_DIR')
    other.stdin.end()
    await once(other, 'close')
    const lock = await lockDataDir(folder.path)
    expect(lock.doubt).to.equal(undefined)
    const second = spawn('flock', ['-n', file, 'true'], { stdio: 'ignore' })
    expect(await once(second, 'close')).to.deep.equal([1, null])
    await lock.release()
    await (await lockDataDir(folder.path)).release()
  })

  /** What a process of this network namespace holds on the path of a folder. */
  async function holdNames(path: string, names: readonly string[]): Promise<() => Promise<void>> {
    const hash = createHash('sha256').update(realpathSync(path)).digest('hex')
    const servers = names.map((name) => createServer().listen(`\0recall-gateway-${hash}${name}`))
    const stop = async (): Promise<void> => {
      await Promise.all(
        servers.filter(({ listening }) => listening).map((server) => server[Symbol.asyncDispose]()),
      )
    }
    onCleanUp(stop)
    await Promise.all(servers.map((server) => once(server, 'listening')))
    return stop
  }

  it('is not taken for locked because another container has a folder at the same path', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const stop = await holdNames(folder.path, ['', '-file'])
    const lock = await lockDataDir(folder.path)
    await lock.release()
    await stop()
    const first = await lockDataDir(folder.path)
    // As another container would find it: the names of the path are held, by a process with another folder.
    const moved = `${folder.path}-of-another`
    renameSync(folder.path, moved)
    onCleanUp(() => rmSync(moved, { recursive: true }))
    const second = await lockDataDir(folder.path)
    await Promise.all([first.release(), second.release()])
  })

  it('stays locked if somebody removes the file of the lock', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const lock = await lockDataDir(folder.path)
    rmSync(join(folder.path, 'lock'))
    const refusal = await lockDataDir(folder.path).catch((error: unknown) => error)
    expect(refusal).to.have.property('code', 'START_FAILED')
    await lock.release()
    await (await lockDataDir(folder.path)).release()
  })

  it('is locked against the last release, which holds the name of its path alone', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const stop = await holdNames(folder.path, [''])
    for (let i = 0; i < 2; i++) {
      const refusal = await lockDataDir(folder.path).catch((error: unknown) => error)
      expect(refusal).to.have.property('code', 'START_FAILED')
    }
    await stop()
    await (await lockDataDir(folder.path)).release()
  })
})
