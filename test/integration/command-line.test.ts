import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { RELEASE } from '../../server/lib/release.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url))

interface Line {
  readonly at?: string
  readonly offset?: number
  readonly gap?: string
  readonly messages?: readonly { readonly seq: number }[]
}

const MANY = 'send --group load --groups 5 --operators 3 --count 20 --rate 100 --concurrency 4'.split(' ')

describe('the command line', () => {
  const folder = temporaryFolder()
  let port: number
  let gateway: GatewayProcess
  const startGateway = async () => {
    gateway = await startGatewayProcess({ DATA_DIR: join(folder.path, 'data'), PORT: String(port) })
  }

  before(async () => {
    port = await freePort()
    await startGateway()
  })
  after(async () => {
    await gateway.stop()
    folder.remove()
  })

  /** Starts a command with the settings of the gateway, or with others. */
  function start(
    words: readonly string[],
    variables: Readonly<Record<string, string>> = {},
    runner: readonly string[] = [],
  ) {
    const env = {
      PATH: process.env['PATH'] ?? '',
      SDK_APP_ID: APP,
      WEBHOOK_TOKEN,
      JWT_SECRET,
      PORT: String(port),
    }
    const [program = '', ...args] = [...runner, process.execPath, MAIN, ...words]
    const child = spawn(program, args, {
      env: { ...env, ...variables },
      cwd: folder.path,
    })
    const output = { out: '', error: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.error += text))
    const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
    const lines = <T = Line>(): T[] =>
      output.out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as T)
    return { child, output, exited, lines }
  }
  async function run(words: readonly string[], variables?: Readonly<Record<string, string>>) {
    const { output, exited, lines } = start(words, variables)
    const code = await exited
    return { code, ...output, lines }
  }
  const recall = (group: string, ...seqs: number[]) =>
    postWebhook(gateway.url, {
      body: recallBody({
        GroupId: group,
        Operator_Account: 'alice',
        EventTime: Date.now(),
        MsgSeqList: seqs.map((MsgSeq) => ({ MsgSeq })),
      }),
    })
  const seqsOf = (lines: readonly Line[]): number[] =>
    lines.flatMap(({ messages = [] }) => messages.map(({ seq }) => seq))

  it('status: shows processes to people and programs, and tells the worst in its exit code', async () => {
    const [table, version, settings, json, nobody, member, noToken, file] = await Promise.all([
      run(['status']),
      run(['--version']),
      run(['status', '--settings']),
      run(['status', '--json']),
      run(['status', '--url', 'http://127.0.0.1:1']),
      run(['status'], { RECALL_TOKEN: await makeToken({ role: 'member' }) }),
      run(['status'], { JWT_SECRET: '' }),
      adminToken().then((token) => {
        writeFileSync(join(folder.path, 'token'), `${token}\n`)
        return run(['status', '--json', '--token-file', 'token'], { JWT_SECRET: '' })
      }),
    ])
    expect(table.out)
      .to.match(/^PROCESS +HOST +ROLE +VERSION +STATE/m)
      .and.to.match(/^[0-9a-f]{8}\* +\S+ +all +\d+\.\d+\.\d+\S* +ready/m)
    expect([version.code, version.out]).to.deep.equal([0, `${RELEASE}\n`])
    expect(settings.out).to.match(/^The settings of all processes agree\.$/m)
    expect(settings.out)
      .to.include(RELEASE)
      .and.to.include(process.version)
      .and.to.match(/^JWT_SECRET +set +environment +all$/m)
      .and.to.not.include(JWT_SECRET)
    expect([settings.code, settings.out.includes('HISTORY_SIZE')]).to.deep.equal([0, false])
    const [status] = json.lines<StatusResponse>()
    expect(status?.nodes).to.have.lengthOf(1)
    expect(json.code).to.equal((status?.problems.length ?? 0) === 0 ? 0 : 1)
    expect([nobody.code, nobody.out]).to.deep.equal([2, ''])
    expect(nobody.error).to.match(
      /^recall-gateway: SEND_FAILED: .*no response from http:\/\/127\.0\.0\.1:1 \(/,
    )
    expect([member.code, member.error]).to.deep.equal([
      2,
      'recall-gateway: ADMIN_NEEDED: only admins may do this\n',
    ])
    expect([noToken.code, noToken.error.includes('RECALL_TOKEN')]).to.deep.equal([2, true])
    expect(file.code).to.be.within(0, 1)
  })

  it('tail: goes on after kills of the gateway and of itself, without loss and doubles, and ends cleanly', async () => {
    await recall('tail', 1)
    const words = ['tail', '--group', 'tail', '--since', '1h', '--position', 'tail.position']
    const first = start(words)
    await waitUntil('the first notice', () => seqsOf(first.lines()).includes(1))
    await waitUntil('it is live', () => first.output.error.includes(' live'))
    // Two on one file would undo each other's positions.
    const second = await run(['tail', '--since', '1h', '--position', 'tail.position', '--once'])
    expect([second.code, second.error.includes('another process uses tail.position')]).to.deep.equal([
      1,
      true,
    ])
    await recall('tail', 2)
    await waitUntil('the second notice', () => seqsOf(first.lines()).includes(2))
    gateway.signal('SIGKILL')
    await gateway.exited
    await startGateway()
    await recall('tail', 3)
    await waitUntil('the third notice', () => seqsOf(first.lines()).includes(3))
    first.child.kill('SIGINT')
    expect(await first.exited).to.equal(0)
    expect(seqsOf(first.lines())).to.deep.equal([1, 2, 3])
    const last = first.lines().at(-1)?.at
    expect(first.output.error)
      .to.match(/^\S+ offline/m)
      .and.to.include(`position ${last}\n`)

    await recall('tail', 4)
    await recall('other', 9)
    const [resumed, since, feed] = await Promise.all([
      run([...words, '--once']),
      run(['tail', '--group', 'tail', '--since', last ?? '', '--once']),
      run(['tail', '--since', '2020-01-01', '--once']),
    ])
    expect(seqsOf(resumed.lines())).to.deep.equal([4])
    expect(seqsOf(since.lines())).to.deep.equal([4])
    expect(seqsOf(feed.lines())).to.include.members([1, 2, 3, 4, 9])
    expect([resumed.code, since.code, feed.code]).to.deep.equal([0, 0, 0])
  })

  it('tail: ends when nobody reads any more, tells gaps, and says what is wrong', async () => {
    const reader = start(['tail', '--group', 'tail', '--since', '1h'])
    await waitUntil('something is read', () => reader.lines().length > 0)
    reader.child.stdout.destroy()
    await recall('tail', 5)
    expect(await reader.exited).to.equal(0)
    writeFileSync(join(folder.path, 'broken.position'), 'nonsense')
    const member = await makeToken({ role: 'member', rooms: [{ group: 'tail' }] })
    const [gap, refused, broken, wrong, granted, nobody] = await Promise.all([
      run(['tail', '--group', 'tail', '--since', 'gone:1', '--once']),
      run(['tail'], { RECALL_TOKEN: member }),
      run(['tail', '--position', 'broken.position']),
      run(['tail', '--since', 'yesterday']),
      run(['tail', '--group', 'tail', '--since', '1h', '--once'], { RECALL_TOKEN: member }),
      run(['tail', '--group', 'tail', '--once', '--url', 'http://127.0.0.1:1']),
    ])
    expect(gap.lines()[0]).to.have.keys('gap', 'at')
    expect([refused.code, refused.error.includes('ROOM_REFUSED')]).to.deep.equal([1, true])
    expect(broken.error).to.include('broken.position holds no positions')
    expect(wrong.error).to.include('--since must be')
    expect(granted.code).to.equal(0)
    expect(granted.lines()[0]).to.not.have.property('operator')
    // Without --once, it would wait for one.
    expect([nobody.code, nobody.out]).to.deep.equal([1, ''])
    expect(nobody.error).to.match(
      /^recall-gateway: SEND_FAILED: .*http:\/\/127\.0\.0\.1:1 does not answer \(/m,
    )
  })

  it('never passes output that could not be written for all there was', async () => {
    await recall('full', 1)
    const words = ['tail', '--group', 'full', '--since', '1h', '--once', '--position', 'full.position']
    const intoFullDisk = async (...command: string[]) => {
      const { output, exited } = start(command, {}, ['sh', '-c', 'exec "$0" "$@" >/dev/full'])
      return { code: await exited, error: output.error }
    }
    const full = await Promise.all([
      intoFullDisk(...words),
      intoFullDisk('recalled', '--group', 'full', '--seqs', '1'),
      intoFullDisk('token', '--sub', 'alice'),
    ])
    for (const { code, error } of full) {
      expect(error).to.include(
        'recall-gateway: INTERNAL: internal error: standard output cannot be written (ENOSPC)\n',
      )
      expect(code).to.equal(2)
    }
    // A disk that has room for a part of a line takes that part.
    const groups = Array.from({ length: 4 }, (_, i) => ['--group', `${i}`.repeat(200)]).flat()
    const small = join(folder.path, 'small.token')
    const intoSmallFile = `trap '' XFSZ; ulimit -f 1; exec "$0" "$@" >'${small}'`
    const part = start(['token', '--sub', 'alice', ...groups], {}, ['sh', '-c', intoSmallFile])
    expect(await part.exited).to.equal(2)
    expect(part.output.error).to.include('standard output cannot be written (EFBIG)')
    expect(statSync(small).size).to.equal(512)
    // What follows could fit, but not behind a hole.
    const many = start(['status', '--settings'], {}, ['sh', '-c', intoSmallFile])
    expect(await many.exited).to.equal(2)
    expect(many.output.error.match(/cannot be written/g)).to.have.lengthOf(1)
    const rest = await run(words)
    expect(seqsOf(rest.lines()), 'what was not printed comes the next time').to.deep.equal([1])
  })

  it('recalled: says which of many messages are recalled, when, and by whom', async () => {
    await recall('asked', 1_000, 1_400)
    writeFileSync(join(folder.path, 'utf16.token'), `\uFEFF${await adminToken()}`, 'utf16le')
    const [found, nothing, wrong, both, utf16] = await Promise.all([
      run(['recalled', '--group', 'asked', '--seqs', '7,1000-3400']),
      run(['recalled', '--official', 'nobody', '--key', '1_1_1']),
      run(['recalled', '--group', 'asked', '--seqs', '9-1']),
      run(['recalled', '--group', 'asked', '--official', 'x', '--seqs', '1']),
      run(['recalled', '--group', 'asked', '--seqs', '1', '--token-file', 'utf16.token']),
    ])
    expect(
      found
        .lines()
        .map(
          ({ atMs: _at, recalledAt: _time, ...line }: Line & { atMs?: number; recalledAt?: string }) => line,
        ),
    ).to.deep.equal([
      { seq: 1_000, operator: 'alice' },
      { seq: 1_400, operator: 'alice' },
    ])
    expect([found.code, found.error]).to.deep.equal([0, '2 of 2402 messages are recalled\n'])
    expect([nothing.code, nothing.out, nothing.error]).to.deep.equal([
      0,
      '',
      '0 of 1 messages are recalled\n',
    ])
    expect([wrong.code, both.code]).to.deep.equal([1, 1])
    expect(both.error).to.include('name one conversation')
    expect(utf16.error).to.include('--token-file names must contain a token and nothing else')
  })

  it('send: is a provider that sends many, wrongly signed, late, twice, untimed and other things', async () => {
    interface Summary {
      readonly sent: number
      readonly outcomes: Readonly<Record<string, number>>
      readonly latencyMs: { readonly p50: number }
    }
    // Alone, and few: on a busy machine the gateway would answer some of them too late.
    const many = await run(MANY)
    const [forged, late, repeated, large, other, slow] = await Promise.all([
      run(['send', '--group', 'load', '--wrong-sign']),
      run(['send', '--group', 'load', '--late', '90', '--count', '2']),
      run(['send', '--group', 'twice', '--seqs', '7', '--repeat', '2', '--untimed']),
      run(['send', '--group', 'large', '--messages', '1000']),
      run(['send', '--command', 'Group.CallbackAfterGroupDestroyed', '--body', '{"GroupId":"ended"}']),
      run(['send', '--group', 'load', '--late', '30', '--wrong-sign', '--token', 'x']),
    ])
    const [summary] = many.lines<Summary>()
    expect(summary).to.deep.include({ sent: 20, outcomes: { '200 OK': 20 } })
    expect(summary?.latencyMs.p50).to.be.above(0)
    expect(forged.out).to.match(/^401 .*WEBHOOK_FORGED/)
    expect(late.lines<Summary>()[0]?.outcomes).to.deep.equal({ '401 WEBHOOK_STALE': 2 })
    expect(repeated.lines<Summary>()[0]?.outcomes).to.deep.equal({ '200 OK': 3 })
    expect(large.out + other.out).to.match(/^200 .*\n200 /)
    for (const { code, error } of [many, forged, late, repeated, large, other, slow])
      expect(code, error).to.equal(0)
    const recalled = await run(['recalled', '--group', 'large', '--seqs', '1-1001'])
    expect(recalled.error).to.equal('1000 of 1001 messages are recalled\n')
    const twice = await run(['tail', '--group', 'twice', '--since', '1h', '--once'])
    expect(twice.lines()).to.have.lengthOf(1)
    const [refused, absent] = await Promise.all([
      run(['send', '--group', 'x', '--count', '3', '--token', 'wrong']),
      run(['send', '--group', 'x', '--url', 'http://127.0.0.1:1/secret-path']),
    ])
    expect(refused.error).to.include('3 of 3 were not answered with 200 OK')
    expect([refused.code, absent.code]).to.deep.equal([1, 1])
    const elsewhere = await run(['send', '--group', 'x', '--url', `${gateway.url}/nowhere`])
    expect(elsewhere.error).to.include('the response was 404 NOT_FOUND')
    expect(absent.error).to.not.include('secret-path')
  })

  it('replay: posts a file at a rate, tells each refusal, and goes on where it was interrupted', async () => {
    const line = (body: object, more: object = {}): string =>
      JSON.stringify({
        query: 'CallbackCommand=Group.CallbackAfterRecallMsg&SdkAppid=1&Sign=old',
        body,
        ...more,
      })
    const bodies = [1, 2, 3].map((MsgSeq) => recallBody({ GroupId: 'again', MsgSeqList: [{ MsgSeq }] }))
    const [one = {}, two = {}, three = {}] = bodies
    const lines = [
      line(one),
      '',
      JSON.stringify(two),
      line({ ...three, MsgSeqList: 'nonsense' }),
      JSON.stringify({
        query: `CallbackCommand=Group.CallbackAfterRecallMsg&x=${'x'.repeat(60_000)}`,
        body: three,
      }),
      line({}, { body: undefined, bodyBase64: Buffer.from(JSON.stringify(three)).toString('base64') }),
    ]
    writeFileSync(join(folder.path, 'webhooks.jsonl'), `${lines.join('\n')}\n`)
    writeFileSync(join(folder.path, 'wrong.jsonl'), `${lines[0]}\nnonsense\n${lines[2]}\n`)
    const dry = await run(['replay', 'webhooks.jsonl', '--dry-run'])
    expect([dry.code, dry.lines().at(-1)]).to.deep.equal([0, { wouldPost: 5, refused: 0, dryRun: true }])
    expect((await run(['recalled', '--group', 'again', '--seqs', '1-9'])).out).to.equal('')

    const nobody = await run(['replay', 'webhooks.jsonl', '--resume', 'note', '--url', 'http://127.0.0.1:1/'])
    expect(nobody.code).to.equal(1)
    expect(nobody.lines().at(-1)).to.deep.include({ accepted: 0, refused: 1, interrupted: true })
    // What is refused for another reason than its own is posted again, so nothing is noted as done.
    const forged = ['replay', 'webhooks.jsonl', '--resume', 'note', '--token', 'wrong']
    const unsigned = await run(forged)
    expect([unsigned.code, unsigned.lines().at(-1)]).to.deep.equal([
      1,
      {
        accepted: 0,
        refused: 1,
        interrupted: true,
        stoppedAt: { line: 1, outcome: '401 WEBHOOK_FORGED' },
      },
    ])
    expect(unsigned.error).to.include('stopped at line 1 (401 WEBHOOK_FORGED)')
    expect(existsSync(join(folder.path, 'note'))).to.equal(false)
    const first = start(['replay', 'webhooks.jsonl', '--resume', 'note', '--rate', '1'])
    await waitUntil('one is posted', () => existsSync(join(folder.path, 'note')))
    first.child.kill('SIGINT')
    expect(await first.exited).to.equal(1)
    const done = first.lines<{ accepted: number; refused: number }>().at(-1)
    const rest = await run(['replay', 'webhooks.jsonl', '--resume', 'note'])
    const result = rest.lines<{ accepted: number; refused: number }>().at(-1)
    expect((done?.accepted ?? 0) + (result?.accepted ?? 0)).to.equal(3)
    expect(result?.refused).to.equal(2)
    expect(rest.out).to.match(/"line":4,"outcome":"400 WEBHOOK_MALFORMED"/)
    expect(rest.out).to.match(/"line":5,"outcome":"431 /)
    // A line that was never accepted is no success, however often it is posted.
    const again = await run(['replay', 'webhooks.jsonl', '--resume', 'note'])
    expect([again.code, again.lines().at(-1)]).to.deep.equal([1, { accepted: 0, refused: 2, skipped: 4 }])
    writeFileSync(join(folder.path, 'other.jsonl'), `${lines[4]}\n`)
    const other = await run(['replay', 'other.jsonl', '--resume', 'note'])
    expect([other.code, other.error.includes('note is about another file')]).to.deep.equal([1, true])
    const pipe = await run(['replay', '/dev/null', '--resume', 'note'])
    expect([pipe.code, pipe.error.includes('--resume needs a file on disk')]).to.deep.equal([1, true])
    const recalled = await run(['recalled', '--group', 'again', '--seqs', '1-9'])
    expect(seqsOf([{ messages: recalled.lines<{ seq: number }>() }])).to.deep.equal([1, 2, 3])

    const [wrong, missing, both, part, elsewhere] = await Promise.all([
      run(['replay', 'wrong.jsonl', '--resume', 'wrong.note']),
      run(['replay', 'nowhere.jsonl']),
      run(['replay', 'webhooks.jsonl', '--quarantine']),
      run(['replay', 'webhooks.jsonl', '--kind', 'relay', '--reason', 'x']),
      run(['replay', '--quarantine', '--url', 'http://127.0.0.1:1/']),
    ])
    // One that was cut does not keep the others from being posted.
    expect(wrong.lines()).to.deep.equal([
      { line: 2, outcome: 'is not an object in JSON' },
      { accepted: 2, refused: 1 },
    ])
    expect(readFileSync(join(folder.path, 'wrong.note'), 'utf8')).to.include('"line":3,"refused":[2]')
    expect(missing.out).to.equal('')
    expect(missing.error).to.include('cannot read nowhere.jsonl')
    // What would have no effect is not what was meant.
    expect([part.error, part.out].join()).to.match(/--kind, --reason are for --quarantine/)
    expect(elsewhere.error).to.include('--url are for files')
    expect([wrong.code, missing.code, both.code, part.code, elsewhere.code]).to.deep.equal([1, 1, 1, 1, 1])
    // What was refused is not quarantined, and the log says whose it was.
    expect(gateway.output())
      .to.include('"msg":"webhook replayed"')
      .and.to.match(/"replay":true.*webhook refused/)
    expect((await run(['replay', '--quarantine', '--dry-run'])).lines().at(-1)).to.deep.equal({
      wouldPost: 0,
      refused: 0,
      dryRun: true,
    })
  })

  it('replay: refuses a second one with the same note, until the first has ended, however it ended', async () => {
    const seqs = Array.from({ length: 20 }, (_, i) => i + 1)
    const bodies = seqs.map((MsgSeq) => recallBody({ GroupId: 'noted', MsgSeqList: [{ MsgSeq }] }))
    writeFileSync(
      join(folder.path, 'noted.jsonl'),
      bodies.map((body) => `${JSON.stringify(body)}\n`).join(''),
    )
    const words = ['replay', 'noted.jsonl', '--resume', 'noted.note']
    const first = start([...words, '--rate', '1'])
    await waitUntil('one is posted', () => existsSync(join(folder.path, 'noted.note')))
    // So that it has not ended before the second one begins.
    first.child.kill('SIGSTOP')
    const [second, dry] = await Promise.all([run(words), run([...words, '--dry-run'])])
    expect([second.code, second.out]).to.deep.equal([1, ''])
    expect(second.error).to.include('another process uses noted.note: wait until that replay has ended')
    expect(dry.code, 'a dry run notes nothing').to.equal(0)
    first.child.kill('SIGKILL')
    await first.exited
    const rest = await run(words)
    expect(rest.code).to.equal(0)
    const recalled = await run(['recalled', '--group', 'noted', '--seqs', '1-30'])
    expect(seqsOf([{ messages: recalled.lines<{ seq: number }>() }])).to.deep.equal(seqs)
  })

  it('replay --quarantine: retries what is in the quarantines, and tells what stays', async () => {
    await postWebhook(gateway.url, { body: recallBody({ GroupId: 'stays', MsgSeqList: 'nonsense' }) })
    const { code, lines } = await run(['replay', '--quarantine'])
    expect(code).to.equal(1)
    expect(lines()[0])
      .to.include({ kind: 'webhook', command: 'Group.CallbackAfterRecallMsg' })
      .and.to.have.property('refused')
    expect(lines().at(-1)).to.deep.equal({ accepted: 0, refused: 1 })
    expect(readFileSync(join(folder.path, 'note'), 'utf8')).to.include('"line":6')
  })
})
