import { expect } from 'chai'
import { createFormats } from '../../server/console/i18n/formats.ts'
import { MAX_DATE_MS } from '../../shared/recall.ts'

/** A quarter past midnight in UTC, in the winter of the northern hemisphere. */
const AT_MS = Date.UTC(2025, 0, 2, 0, 15, 3, 7)
const SUMMER_MS = Date.UTC(2025, 6, 2)

describe('times in the console', () => {
  it('say their zone, have milliseconds where it matters, and 24 hours in every language', () => {
    const [en, zh] = [createFormats('en-GB', 'UTC'), createFormats('zh-CN', 'UTC')]
    expect(en.dateTime(AT_MS)).to.equal('2 Jan 2025, 00:15:03 UTC')
    expect(en.preciseTime(AT_MS)).to.equal('2 Jan 2025, 00:15:03.007 UTC')
    expect(zh.preciseTime(AT_MS)).to.equal('2025年1月2日 00:15:03.007 UTC')
    for (const { timeOfDay } of [en, zh]) expect(timeOfDay(AT_MS)).to.equal('00:15:03')
  })

  it('name the zone by its offset then, and the day as it is there', () => {
    const china = createFormats('en-GB', 'Asia/Shanghai')
    expect(china.dateTime(AT_MS - 900_000)).to.equal('2 Jan 2025, 08:00:03 UTC+8')
    const york = createFormats('en-GB', 'America/New_York')
    expect(york.dateTime(AT_MS)).to.equal('1 Jan 2025, 19:15:03 UTC-5')
    expect(york.zone(SUMMER_MS)).to.equal('UTC-4')
    expect(york.isToday(Date.now())).to.equal(true)
    expect(york.isToday(Date.now() - 86_400_000)).to.equal(false)
  })

  it('are shown as they are where no date can hold them', () => {
    const { date, dateTime, isToday, timeOfDay } = createFormats('en-GB', undefined)
    for (const atMs of [MAX_DATE_MS + 1, -MAX_DATE_MS - 1, -Infinity]) {
      expect(timeOfDay(atMs)).to.equal(`${atMs} ms`)
      expect(dateTime(atMs)).to.equal(`${atMs} ms `)
      expect(date(atMs)).to.equal(`${atMs} ms`)
      expect(isToday(atMs)).to.equal(false)
    }
  })
})
