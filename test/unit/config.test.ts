import { expect } from 'chai'
import { readConfig, SECRET_SETTINGS } from '../../server/config/config.ts'

const REQUIRED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }

describe('settings', () => {
  it('need only the three that have no default', () => {
    expect(readConfig(REQUIRED)).to.include({
      PORT: 8080,
      ROLE: 'all',
      WEBHOOK_PATH: '/webhook',
      HISTORY_SIZE: 1_000,
    })
  })

  it('name every missing setting in one error', () => {
    expect(() => readConfig({}))
      .to.throw(/SDK_APP_ID is missing.*WEBHOOK_TOKEN is missing.*JWT_SECRET is missing/)
      .with.property('code', 'CONFIG_INVALID')
  })

  it('name every invalid setting in one error, and no value', () => {
    const wrong = {
      PORT: 'eighty',
      SDK_APP_ID: 'secret-a',
      JWT_SECRET: 'secret-b',
      WEBHOOK_TOKEN: 'a,,b',
      REDIS_URL: 'http://secret-c',
    }
    expect(() => readConfig(wrong))
      .to.throw(
        /(?=.*PORT is invalid)(?=.*SDK_APP_ID is invalid)(?=.*JWT_SECRET is invalid)(?=.*WEBHOOK_TOKEN is invalid)(?=.*REDIS_URL is invalid)/,
      )
      .with.property('message')
      .that.does.not.match(/secret|eighty/)
  })

  it('treat an empty variable as missing', () => {
    expect(() => readConfig({ ...REQUIRED, JWT_SECRET: '' })).to.throw('JWT_SECRET is missing')
    expect(readConfig({ ...REQUIRED, PORT: '' }).PORT).to.equal(8080)
  })

  it('accept several tokens and origins, separated by commas', () => {
    const config = readConfig({
      ...REQUIRED,
      WEBHOOK_TOKEN: 'new, old',
      CORS_ORIGINS: 'https://a.example,http://b.example:81',
    })
    expect(config.WEBHOOK_TOKEN).to.deep.equal(['new', 'old'])
    expect(config.CORS_ORIGINS).to.deep.equal(['https://a.example', 'http://b.example:81'])
  })

  it('require Redis for a single role, and only the credentials of that role', () => {
    expect(() => readConfig({ ...REQUIRED, ROLE: 'node' })).to.throw('REDIS_URL is missing')
    const REDIS_URL = 'redis://127.0.0.1:6379'
    const { WEBHOOK_TOKEN, JWT_SECRET, ...app } = REQUIRED
    expect(readConfig({ ...app, JWT_SECRET, REDIS_URL, ROLE: 'node' }).ROLE).to.equal('node')
    expect(readConfig({ ...app, WEBHOOK_TOKEN, REDIS_URL, ROLE: 'receiver' }).ROLE).to.equal('receiver')
  })

  it('refuse webhook paths that are patterns or clash with other paths', () => {
    for (const WEBHOOK_PATH of [
      'webhook',
      '/',
      '/a b',
      '/a?b',
      '/a*',
      '/:a',
      '/a/',
      '/livez',
      '/metrics',
      '/client.js',
      '/socket.io/x',
    ]) {
      expect(() => readConfig({ ...REQUIRED, WEBHOOK_PATH }), WEBHOOK_PATH).to.throw(
        'WEBHOOK_PATH is invalid',
      )
    }
  })

  it('are frozen', () => {
    expect(() => Object.assign(readConfig(REQUIRED), { PORT: 1 })).to.throw(TypeError)
    expect(() => (readConfig(REQUIRED).WEBHOOK_TOKEN as string[]).push('x')).to.throw(TypeError)
  })

  it('are secret if they contain a credential', () => {
    expect(SECRET_SETTINGS).to.have.members([
      'WEBHOOK_TOKEN',
      'REDIS_URL',
      'REDIS_SIGNING_KEY',
      'JWT_SECRET',
      'USERSIG_SECRET_KEY',
      'AUTHORIZE_SECRET',
    ])
  })
})
