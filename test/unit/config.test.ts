import { expect } from 'chai'
import { readConfig } from '../../server/config/config.ts'

const NEEDED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }

describe('settings', () => {
  it('are complete with the three that have no default', () => {
    expect(readConfig(NEEDED)).to.include({
      PORT: 8080,
      ROLE: 'all',
      WEBHOOK_PATH: '/webhook',
      HISTORY_SIZE: 1_000,
    })
  })

  it('name every missing one in one go', () => {
    expect(() => readConfig({}))
      .to.throw(/SDK_APP_ID is missing.*WEBHOOK_TOKEN is missing.*JWT_SECRET is missing/)
      .with.property('code', 'CONFIG_INVALID')
  })

  it('name every wrong one in one go, and never a value', () => {
    const wrong = {
      PORT: 'eighty',
      SDK_APP_ID: 'secret-a',
      JWT_SECRET: 'secret-b',
      WEBHOOK_TOKEN: 'a,,b',
      REDIS_URL: 'http://secret-c',
    }
    expect(() => readConfig(wrong))
      .to.throw(
        /(?=.*PORT is wrong)(?=.*SDK_APP_ID is wrong)(?=.*JWT_SECRET is wrong)(?=.*WEBHOOK_TOKEN is wrong)(?=.*REDIS_URL is wrong)/,
      )
      .with.property('message')
      .that.does.not.match(/secret|eighty/)
  })

  it('treat an empty variable as a missing one', () => {
    expect(() => readConfig({ ...NEEDED, JWT_SECRET: '' })).to.throw('JWT_SECRET is missing')
    expect(readConfig({ ...NEEDED, PORT: '' }).PORT).to.equal(8080)
  })

  it('take several tokens and origins, separated by commas', () => {
    const config = readConfig({
      ...NEEDED,
      WEBHOOK_TOKEN: 'new, old',
      CORS_ORIGINS: 'https://a.example,http://b.example:81',
    })
    expect(config.WEBHOOK_TOKEN).to.deep.equal(['new', 'old'])
    expect(config.CORS_ORIGINS).to.deep.equal(['https://a.example', 'http://b.example:81'])
  })

  it('need Redis for one half alone, and of the credentials only those of that half', () => {
    expect(() => readConfig({ ...NEEDED, ROLE: 'node' })).to.throw('REDIS_URL is missing')
    const REDIS_URL = 'redis://127.0.0.1:6379'
    const { WEBHOOK_TOKEN, JWT_SECRET, ...app } = NEEDED
    expect(readConfig({ ...app, JWT_SECRET, REDIS_URL, ROLE: 'node' }).ROLE).to.equal('node')
    expect(readConfig({ ...app, WEBHOOK_TOKEN, REDIS_URL, ROLE: 'receiver' }).ROLE).to.equal('receiver')
  })

  it('refuse a webhook path that would be a pattern or clash with nothing at all', () => {
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
      expect(() => readConfig({ ...NEEDED, WEBHOOK_PATH }), WEBHOOK_PATH).to.throw('WEBHOOK_PATH is wrong')
    }
  })

  it('cannot be changed afterwards', () => {
    expect(() => Object.assign(readConfig(NEEDED), { PORT: 1 })).to.throw(TypeError)
    expect(() => (readConfig(NEEDED).WEBHOOK_TOKEN as string[]).push('x')).to.throw(TypeError)
  })
})
