-- Identifiers that nobody knew and that are a customer each, each by itself.
-- KEYS: the view's epoch, the outbox. ARGV: the epoch expected, the view's prefix, then for each its node's key
--       and value, key and field of its new id, and the change for the outbox ('' for none).
-- Returns 'epoch' where Redis lost its data, else the numbers (from 1) of those that somebody knows by now.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local call, sub, prefix, conflicts, told = redis.call, string.sub, ARGV[2], {}, {}
for i = 3, #ARGV, 5 do
  if call('SET', prefix .. ARGV[i], ARGV[i + 1], 'NX') then
    -- A node's key ends with the hash of its identifier.
    call('HSET', ARGV[i + 2], ARGV[i + 3], sub(ARGV[i], -16))
    if ARGV[i + 4] ~= '' then
      told[#told + 1] = ARGV[i + 4]
      told[#told + 1] = ''
    end
  else
    conflicts[#conflicts + 1] = (i + 2) / 5
  end
end
for i = 1, #told, 1000 do call('XADD', KEYS[2], '*', unpack(told, i, math.min(i + 999, #told))) end
return conflicts
