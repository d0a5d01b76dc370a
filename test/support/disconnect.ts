/** Asks a node to disconnect a user, or to revoke a user's access to a room, as an admin's tools would. */
export async function postDisconnect(url: string, token: string | undefined, request: unknown) {
  const response = await fetch(`${url}/v1/disconnect`, {
    method: 'POST',
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    body: typeof request === 'string' ? request : JSON.stringify(request),
  })
  const body = (await response.json()) as { readonly code?: string; readonly untilMs?: number }
  return { status: response.status, ...body }
}
