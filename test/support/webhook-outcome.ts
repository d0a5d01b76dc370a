import { postWebhook } from './webhook.ts'

/** Posts a webhook, and returns `OK` or the status and the code with which it was refused. */
export const outcomeOf = async (
  url: string,
  call: Parameters<typeof postWebhook>[1] = {},
): Promise<string> => {
  const { status, body } = await postWebhook(url, call)
  return status === 200 ? 'OK' : `${status} ${body.ErrorInfo.split(':')[0]}`
}
