-- Reads the first entries of a log after a position, and where the log ends.
-- KEYS  1 head   2 log
-- ARGV  1 offset after which to read   2 maximum number of entries   3 epoch for a log that has none   4 TTL of a head in s
--       5 TTL of a head whose log never had an entry, in s   6 epoch of the position
-- Returns epoch, last offset, and the offset after which entries may be new to those who followed the log under another epoch, or
-- beyond its end, the last one for others; then for each entry, the first one first: its stream id, the entry
local fields = content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset', 'was', 'from')) or {}
local epoch, last = position(fields)
if not epoch then
  redis.call('DEL', KEYS[1])
  redis.call('HSETNX', KEYS[1], 'epoch', ARGV[3])
  epoch, last = ARGV[3], 0
end
redis.call('EXPIRE', KEYS[1], last > 0 and ARGV[4] or ARGV[5])
local since = math.max(tonumber(ARGV[1]), 0)
local reply = { epoch, last, last }
if epoch ~= ARGV[6] or since > last then
  -- An epoch that replaced another one begins where the two part. Of the one before that nothing is known, and neither of a log
  -- that was longer once.
  local from = fields[3] == ARGV[6] and math.min(tonumber(fields[4]) or 0, since) or 0
  local oldest = content(redis.pcall('XRANGE', KEYS[2], '1', string.format('%d', math.max(last, 1)), 'COUNT', '1')) or {}
  local first = oldest[1] and tonumber(string.match(oldest[1][1], '^%d+')) or last + 1
  reply[3] = math.min(math.max(from, first - 1), last)
  return reply
end
-- Nothing beyond the head belongs to this numbering.
local first = since + 1
if first > last then return reply end
local from, to = string.format('%d', first), string.format('%d', last)
local entries = content(redis.pcall('XRANGE', KEYS[2], from, to, 'COUNT', ARGV[2])) or {}
for _, entry in ipairs(entries) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
