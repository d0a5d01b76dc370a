import { createHash } from 'node:crypto'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { postWebhook, recallBody } from './webhook.ts'

/** Posts a recall as the provider does. Rejects unless the response is OK. */
export async function recall(url: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
  const { status, body } = await postWebhook(url, { body: recallBody(fields) })
  if (status !== 200) throw new Error(`the webhook was refused with ${status} ${body.ErrorInfo}`)
}

/** Posts a recall of one message. */
export const recallOne = (url: string, group: string, seq: number): Promise<void> =>
  recall(url, { GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })

/** Opens a blank tab with its own storage. */
export async function newTab(
  browser: Browser,
  onCleanUp: (cleanUp: () => unknown) => void,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...options,
  })
  onCleanUp(() => context.close())
  return context.newPage()
}

/** Logs in and opens a view. */
export async function openView(page: Page, url: string, view: string, token: string): Promise<Page> {
  await page.goto(`${url}/#token=${token}`)
  await page.locator('.shell').waitFor()
  await page.goto(`${url}/#${view}`)
  await page.locator(`nav a[aria-current][data-view="${view}"]`).waitFor()
  return page
}

export const named = (page: Page, name: string) => page.getByLabel(name, { exact: true })

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** Writes into the search box. */
export const search = (page: Page, q: string): Promise<void> => page.getByRole('searchbox').fill(q)

/** The connection state shown on the page: Live, Offline, … */
export const state = (page: Page, label: string) => page.getByRole('status').getByText(label, { exact: true })

export const rowsOf = (page: Page) => page.locator('.rows .notice')

/** The rows of a group in a list. */
export const row = (page: Page, group: string) =>
  rowsOf(page).filter({ has: page.getByText(group, { exact: true }) })

/** Returns a number below `bound`, always the same for the same text. */
export const pick = (text: string, bound: number): number =>
  createHash('sha256').update(text).digest().readUInt32BE(0) % bound

/**
 * Scrolls through a list, because only visible rows are in the document. Returns the seqs of all its messages, newest first,
 * and the largest number of elements the document held meanwhile.
 */
export const readWholeList = (page: Page): Promise<{ seqs: number[]; elements: number }> =>
  page.evaluate(`(async () => {
    const list = document.querySelector('.list')
    const found = new Map()
    let elements = 0
    for (let top = 0; ; top += list.clientHeight) {
      list.scrollTop = top
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
      elements = Math.max(elements, document.querySelectorAll('*').length)
      for (const row of list.querySelectorAll('.notice'))
        found.set(Number(row.getAttribute('aria-rowindex')), row.querySelector('.seqs').textContent)
      if (top >= list.scrollHeight) break
    }
    list.scrollTop = 0
    const seqs = [...found].sort(([one], [other]) => one - other).flatMap(([, text]) => text.split(', ').map(Number))
    return { seqs, elements }
  })()`)

/** Returns how many rows a list has, rendered or not. */
export const countRows = async (page: Page): Promise<number> =>
  Number(await page.locator('.list').getAttribute('aria-rowcount')) - 1

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
