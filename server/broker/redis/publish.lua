-- Keeps one recall and spreads it, unless all its messages are known.
-- KEYS  1 recalled set   then for each room: head, log, channel
-- ARGV  1 time of the recall in ms   2 for an untimed recall: how close a known time is a repeat, in ms; else -1
--       3 epoch for a log that has none   4 longest log   5 life of a log in s   6 life of a head in s
--       7 '1' if the caller waits for replicas, else '0'   8 entry up to its messages   9 entry after its messages
--       10 life of the recalled set in s, '0' = for ever   11 signature of the entry with all its messages, '' = none
--       then for each message: seq, entry of the message
-- Returns epoch and offset of each room, flat; empty when nothing was new
local at, repeat_within = tonumber(ARGV[1]), tonumber(ARGV[2])
local seqs = {}
for i = 12, #ARGV, 2 do seqs[#seqs + 1] = ARGV[i] end

local known = redis.call('ZMSCORE', KEYS[1], unpack(seqs))
local additions, messages, numbers = {}, {}, {}
for i, seq in ipairs(seqs) do
  local score = known[i] and tonumber(known[i])
  local repeated = score and (score == at or (repeat_within >= 0 and at - score < repeat_within))
  if not repeated then
    additions[#additions + 1] = ARGV[1]
    additions[#additions + 1] = seq
    messages[#messages + 1] = ARGV[11 + 2 * i]
    numbers[#numbers + 1] = i - 1
  end
end
if #messages == 0 then
  -- Who waits for replicas waits for a write: without one they would confirm what they may not have.
  if ARGV[7] == '1' then
    redis.call('HSETNX', KEYS[2], 'epoch', ARGV[3])
    redis.call('EXPIRE', KEYS[2], ARGV[6])
  end
  return {}
end

local entry
if ARGV[11] == '' then
  entry = ARGV[8] .. table.concat(messages, ',') .. ARGV[9]
else
  -- What was signed stays whole; which of its messages are new stands before it.
  local all = {}
  for i = 1, #seqs do all[i] = ARGV[11 + 2 * i] end
  local new = #messages == #all and '' or table.concat(numbers, ',')
  entry = ARGV[11] .. ':' .. new .. ':' .. ARGV[8] .. table.concat(all, ',') .. ARGV[9]
end
local positions = {}
for i = 2, #KEYS, 3 do
  local head, log, channel = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local epoch = redis.call('HGET', head, 'epoch')
  if not epoch then
    epoch = ARGV[3]
    redis.call('HSET', head, 'epoch', epoch)
  end
  local offset = string.format('%d', redis.call('HINCRBY', head, 'offset', 1))
  -- A first offset means a new numbering: entries of a lost one must not mix with it.
  if offset == '1' then redis.call('DEL', log) end
  local id = offset .. '-0'
  local added = redis.pcall('XADD', log, 'MAXLEN', ARGV[4], id, 'r', entry)
  if type(added) == 'table' and added.err then
    -- The log is ahead of its head, or no stream: what it holds belongs to no numbering that goes on.
    epoch = ARGV[3]
    redis.call('HSET', head, 'epoch', epoch)
    redis.call('DEL', log)
    redis.call('XADD', log, id, 'r', entry)
  end
  redis.call('EXPIRE', log, ARGV[5])
  redis.call('EXPIRE', head, ARGV[6])
  -- A failure here must not undo what is kept: nodes find it when they compare the ends of logs.
  redis.pcall('SPUBLISH', channel, epoch .. ':' .. offset .. ':' .. entry)
  positions[#positions + 1] = epoch
  positions[#positions + 1] = tonumber(offset)
end
-- Last: nothing is undone after an error, and what stands here is never delivered again.
redis.call('ZADD', KEYS[1], unpack(additions))
if ARGV[10] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[10]) end
return positions
