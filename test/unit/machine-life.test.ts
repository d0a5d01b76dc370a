import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { openMachineLife } from '../../server/broker/spooling/machine-life.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('the life of a machine', () => {
  const onCleanUp = cleanUpAfterEach()
  let file: string
  let errors: number
  beforeEach(() => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    mkdirSync(path, { recursive: true })
    file = join(path, 'life')
    errors = 0
  })
  const log = pino({ level: 'error' }, { write: () => void errors++ })
  const open = (boot: string, disk: Partial<Disk> = {}) =>
    openMachineLife({ file, disk: { ...systemDisk, ...disk, bootId: () => boot } }, { log })
  const full = {
    replace: () => {
      throw new Error('ENOSPC')
    },
  }

  it('ends with a power cut only if the server is another one, and the note was not the last', () => {
    open('boot 1').at('redis 1')
    open('boot 1').at('redis 2')
    open('boot 2').end(true)
    expect(open('boot 2').at('redis 2'), 'the server is the same').to.equal(undefined)
    open('boot 2').end(true)
    expect(open('boot 3').at('redis 3'), 'it had ended').to.equal(undefined)
    expect(open('boot 4').at('redis 4')).to.be.a('string')
    open('boot 4').end(false)
    expect(open('boot 4').at('redis 5'), 'it had not flushed everything').to.be.a('string')
  })

  it('is known to have ended with a power cut for as long as clients return with positions from before', () => {
    open('boot 1').at('redis 1')
    const cut = open('boot 2').at('redis 2')
    const next = open('boot 2')
    expect(next.at('redis 2'), 'after it was killed').to.equal(cut)
    next.end(true)
    const last = open('boot 3')
    expect(last.at('redis 3'), 'after a clean end').to.equal(cut)
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    Date.now = () => now() + 30 * 86_400_000
    expect(last.at('redis 3')).to.equal(undefined)
    Date.now = now
    expect(open('boot 4').at('redis 4'), 'another one').to.be.a('string').not.equal(cut)
  })

  it('does not count as ended because the disk was full when the next process began', () => {
    const first = open('boot 1')
    first.at('redis 1')
    first.end(true)
    open('boot 1', full)
    expect(open('boot 2').at('redis 2')).to.be.a('string')
    // What was not replaced then says nothing from now on.
    const last = open('boot 2')
    last.at('redis 2')
    last.end(true)
    expect(systemDisk.list(join(file, '..'))).to.deep.equal(['life'])
  })

  it('is noted again on a full disk neither each second, nor with a line each time', () => {
    const attempts: number[] = []
    let isFull = false
    const life = open('boot 1', {
      replace(...note) {
        attempts.push(performance.now())
        if (isFull) full.replace()
        systemDisk.replace(...note)
      },
    })
    life.at('redis 1')
    attempts.splice(0)
    const { now } = performance
    onCleanUp(() => void (performance.now = now))
    let nowMs = now.call(performance)
    performance.now = () => nowMs
    isFull = true
    for (let second = 0; second < 100; second++, nowMs += 1_000) life.at('redis 2')
    expect(attempts).to.have.length(4)
    expect(errors).to.equal(1)
    isFull = false
    for (let second = 0; second < 60; second++, nowMs += 1_000) life.at('redis 2')
    expect(attempts).to.have.length(5)
  })
})
