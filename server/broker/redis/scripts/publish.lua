-- Keeps recalls, one after the other, and spreads each, unless all its messages are known.
-- KEYS  for each recall: recalled set, then for each room: head, log, channel
-- ARGV  1 epoch for a log that has none   2 longest log   3 life of a log in ms   4 life of a head in ms
--       5 life of a recalled set in ms, '0' = for ever   6 how much longer logs and heads live, so that they are prolonged seldom, in ms
--       7 '1' if the caller waits for replicas, else '0'
--       then for each recall: how many rooms   how many messages   time of the recall in ms
--         for an untimed recall: how close a known time is a repeat, in ms; else -1   entry up to its messages
--         entry after its messages   signature of the entry with all its messages, '' = none
--         then for each message: seq, entry of the message
-- Returns for each recall epoch and offset of each room, flat; empty when nothing was new. Ends early where a recall
-- cannot be kept; an error when that is the first.
local new_epoch, longest, log_life, head_life = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local set_life, slack, waits = ARGV[5], ARGV[6], ARGV[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heads = {}

-- What a command reads at a key; nothing where something else took the place of what belongs there. It is dropped, as
-- one recall that can never be kept would hold up all that wait behind it.
local function read(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if not answer.err then return answer end
  if not string.find(answer.err, '^WRONGTYPE') then error(answer) end
  redis.call('DEL', key)
  return {}
end

-- Where a log stands, read once for all recalls of this call and written back at its end.
local function head_of(key)
  local head = heads[key]
  if head then return head end
  local fields = read('HMGET', key, 'epoch', 'offset', 'prolong')
  head = { epoch = fields[1] or new_epoch, offset = tonumber(fields[2] or '0'), prolong = tonumber(fields[3] or '0') }
  heads[key] = head
  return head
end

-- Whether XADD refused what stands there, and not the whole of us: without memory, as a replica, without a disk.
local function is_other(refusal)
  return string.find(refusal, '^WRONGTYPE') or string.find(refusal, 'equal or smaller', 1, true)
end

local function append(head, log, entry)
  local offset, epoch = head.offset + 1, head.epoch
  -- A first offset means a new numbering: entries of a lost one must not mix with it.
  if offset == 1 then redis.call('DEL', log) end
  local id = string.format('%d-0', offset)
  local added = redis.pcall('XADD', log, 'MAXLEN', longest, id, 'r', entry)
  local is_new = offset == 1
  if type(added) == 'table' and added.err then
    if not is_other(added.err) then error(added) end
    -- The log is ahead of its head, or no stream: what it holds belongs to no numbering that goes on.
    epoch, is_new = new_epoch, true
    redis.call('DEL', log)
    redis.call('XADD', log, id, 'r', entry)
  end
  head.offset, head.epoch, head.changed = offset, epoch, true
  if is_new or head.prolong <= now then
    head.prolong = now + slack
    redis.call('PEXPIRE', log, log_life + slack)
  end
end

-- `k` and `a` stand before the first key and argument of the recall.
local function keep(k, a)
  local set, at, repeat_within = KEYS[k + 1], ARGV[a + 3], tonumber(ARGV[a + 4])
  local rooms, count, first = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), a + 8
  local seqs = {}
  for i = 1, count do seqs[i] = ARGV[first + 2 * (i - 1)] end

  local known = read('ZMSCORE', set, unpack(seqs))
  local additions, messages, numbers = {}, {}, {}
  for i = 1, count do
    local score = known[i] and tonumber(known[i])
    local repeated = score and (score == tonumber(at) or (repeat_within >= 0 and at - score < repeat_within))
    if not repeated then
      additions[#additions + 1] = at
      additions[#additions + 1] = seqs[i]
      messages[#messages + 1] = ARGV[first + 2 * i - 1]
      numbers[#numbers + 1] = i - 1
    end
  end
  if #messages == 0 then
    -- Who waits for replicas waits for a write: without one they would confirm what they may not have.
    if waits then
      head_of(KEYS[k + 2])
      redis.call('HSETNX', KEYS[k + 2], 'epoch', new_epoch)
      redis.call('PEXPIRE', KEYS[k + 2], head_life)
    end
    return {}
  end

  local before, after, signature = ARGV[a + 5], ARGV[a + 6], ARGV[a + 7]
  local entry
  if signature == '' then
    entry = before .. table.concat(messages, ',') .. after
  else
    -- What was signed stays whole; which of its messages are new stands before it.
    local all = {}
    for i = 1, count do all[i] = ARGV[first + 2 * i - 1] end
    local new = #messages == count and '' or table.concat(numbers, ',')
    entry = signature .. ':' .. new .. ':' .. before .. table.concat(all, ',') .. after
  end
  local positions = {}
  for i = k + 2, k + 3 * rooms - 1, 3 do
    local head = head_of(KEYS[i])
    append(head, KEYS[i + 1], entry)
    -- A failure here must not undo what is kept: nodes find it when they compare the ends of logs.
    redis.pcall('SPUBLISH', KEYS[i + 2], string.format('%s:%d:', head.epoch, head.offset) .. entry)
    positions[#positions + 1] = head.epoch
    positions[#positions + 1] = head.offset
  end
  -- Last: nothing is undone after an error, and what stands here is never delivered again.
  redis.call('ZADD', set, unpack(additions))
  -- Each time: no head tells when this is due, for that of a group is prolonged by its topics too.
  if set_life == '0' then redis.call('PERSIST', set) else redis.call('PEXPIRE', set, set_life) end
  return positions
end

local answers, failure = {}, nil
local k, a = 0, 7
while a < #ARGV do
  local kept, answer = pcall(keep, k, a)
  if not kept then
    failure = answer
    break
  end
  answers[#answers + 1] = answer
  k = k + 1 + 3 * ARGV[a + 1]
  a = a + 7 + 2 * ARGV[a + 2]
end
for key, head in pairs(heads) do
  if head.changed then
    redis.call('HSET', key, 'epoch', head.epoch, 'offset', string.format('%d', head.offset),
      'prolong', string.format('%d', head.prolong))
    -- Of a head that was prolonged just now; what only reads a head gives it another life.
    if head.prolong == now + slack then redis.call('PEXPIRE', key, head_life + slack) end
  end
end
if failure and #answers == 0 then
  return type(failure) == 'table' and failure or redis.error_reply(tostring(failure))
end
return answers
