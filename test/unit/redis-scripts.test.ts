import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { SCRIPTS } from '../../server/broker/redis/scripts.ts'

const REDIS = readFileSync(fileURLToPath(new URL('../../../server/docs/redis.md', import.meta.url)), 'utf8')
const [, PERMISSIONS = ''] = /^user gateway on >\S+ ((?:.|\n)+?)^```/m.exec(REDIS) ?? []

describe('scripts of Redis', () => {
  for (const [name, { lua }] of Object.entries(SCRIPTS)) {
    const code = lua.replaceAll(/--.*$/gm, '')

    it(`name every key as a literal, for proxies that accept nothing else: ${name}`, () => {
      for (const [call, command, key] of code.matchAll(/redis\.p?call\(([^,)]*)(?:, ([^,)]*))?/g)) {
        expect(command, call).to.match(/^'[A-Z]+'$/)
        if (command !== "'TIME'") expect(key, call).to.match(/^KEYS\[\d+\]$/)
      }
      expect(code.replaceAll(/KEYS\[\d+\]/g, '')).to.not.include('KEYS')
    })

    it(`run only commands that redis.md allows: ${name}`, () => {
      for (const [, command = ''] of code.matchAll(/redis\.p?call\('([A-Z]+)'/g))
        expect(PERMISSIONS.split(/\s+/)).to.include(`+${command.toLowerCase()}`)
    })
  }
})
