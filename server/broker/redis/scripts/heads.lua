-- Reads where logs end.
-- KEYS  heads, up to 64
-- ARGV  1 epoch for a log that has none   2 TTL of a head in s   3 TTL of a head whose log never had an entry, in s
--       4 '1': renew the TTLs, else only new heads get one
-- Returns epoch and last offset of each, flat
local positions, renews = {}, ARGV[4] == '1'
-- repeat head: 64 times, 1 key on
if KEYS[1] then
  local epoch, offset = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
  local is_new = not epoch
  if is_new then
    redis.call('DEL', KEYS[1])
    redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
    epoch, offset = ARGV[1], 0
  end
  if renews or is_new then redis.call('EXPIRE', KEYS[1], offset > 0 and ARGV[2] or ARGV[3]) end
  positions[#positions + 1] = epoch
  positions[#positions + 1] = offset
end
-- end head
return positions
