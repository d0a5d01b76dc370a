/** Asks a node to disconnect a user, or to take a room from one, as an admin's own tools would. */
export async function postDisconnect(url: string, token: string | undefined, order: unknown) {
  const response = await fetch(`${url}/v1/disconnect`, {
    method: 'POST',
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    body: typeof order === 'string' ? order : JSON.stringify(order),
  })
  const answer = (await response.json()) as { readonly code?: string; readonly untilMs?: number }
  return { status: response.status, ...answer }
}
