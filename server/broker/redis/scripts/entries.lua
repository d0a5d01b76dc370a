-- Reads the first entries of a log after an offset, with all that is stored of them, and where the log ends.
-- KEYS  1 head   2 log
-- ARGV  1 offset after which to read   2 maximum number of entries
-- Returns epoch, '' for a log that has none, last offset, then for each entry, the first one first: its stream id, the entry, its
-- link, '' for one that has none
local epoch, last = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
if not epoch then return { '', 0 } end
local reply = { epoch, last }
local first = math.max(tonumber(ARGV[1]), 0) + 1
-- Nothing beyond the head belongs to this numbering.
if first > last then return reply end
local from, to = string.format('%d', first), string.format('%d', last)
local entries = content(redis.pcall('XRANGE', KEYS[2], from, to, 'COUNT', ARGV[2])) or {}
for _, entry in ipairs(entries) do
  local fields = entry[2]
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = fields[2]
  reply[#reply + 1] = fields[3] == 'l' and fields[4] or ''
end
return reply
