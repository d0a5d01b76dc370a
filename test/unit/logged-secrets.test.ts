import { expect } from 'chai'
import { signUserSig } from '../../server/auth/usersig.ts'
import { secretsIn } from '../support/logged-secrets.ts'

const settings = {
  WEBHOOK_TOKEN: 'first-token,second-token',
  REDIS_URL: 'redis://user:hunter2-hunter2@host:1',
  PORT: '8080',
}

describe('the search for secrets in logs', () => {
  it('finds each value of a secret setting, and passwords in URLs', () => {
    expect(secretsIn('{"x":"second-token"}', settings)).to.deep.equal(['WEBHOOK_TOKEN'])
    expect(secretsIn('no connection to redis://user:hunter2-hunter2@host', settings)).to.deep.equal([
      'REDIS_URL',
    ])
    expect(secretsIn('{"port":8080}', settings)).to.deep.equal([])
  })

  it('finds tokens and signatures in log lines, and ignores printed links', () => {
    const token = 'eyJhbGciOiJI.eyJzdWIiOiJh.c2lnbmF0dXJl'
    expect(secretsIn(`{"url":"/?token=${token}"}`, {})).to.deep.equal(['eyJhbGciOiJI'])
    expect(secretsIn(`{"url":"/webhook?Sign=${'a'.repeat(64)}"}`, {})).to.have.lengthOf(1)
    expect(secretsIn(`{"detail":"Sign","query":{"Sign":"${'a'.repeat(64)}"}}`, {})).to.have.lengthOf(1)
    const claims = { userId: 'u', app: '1', key: 'k', nowS: 1_700_000_000, lifetimeS: 600 }
    expect(secretsIn(`{"url":"/v4?usersig=${signUserSig(claims)}"}`, {})).to.have.lengthOf(1)
    expect(secretsIn(`open http://127.0.0.1/#token=${token}`, {})).to.deep.equal([])
  })
})
