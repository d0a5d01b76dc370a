/**
 * Returns the address of a sign-in page (`CONSOLE_LOGIN_URL`) with the address to come back to: in place of `{return}`, or as the parameter
 * `return`. Undefined for what is no address of a page.
 */
export function withReturn(loginUrl: string, back: string): string | undefined {
  const value = encodeURIComponent(back)
  const address = loginUrl.includes('{return}')
    ? loginUrl.replace('{return}', value)
    : `${loginUrl}${loginUrl.includes('?') ? '&' : '?'}return=${value}`
  return URL.canParse(address, back) && /^https?:$/.test(new URL(address, back).protocol)
    ? address
    : undefined
}
