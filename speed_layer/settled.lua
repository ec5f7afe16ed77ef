-- Take facts that are applied out of the side lane.
-- KEYS: the view's epoch, its side lane, its pending identifiers. ARGV: the epoch expected, then for each
--       entry its id and the hashes of its identifiers, as defer.lua took them.
-- Returns 'epoch' where Redis lost its data, else 'ok'. Whoever takes an entry out a second time changes nothing.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
for i = 2, #ARGV, 2 do
  if redis.call('XDEL', KEYS[2], ARGV[i]) == 1 then
    for at = 1, #ARGV[i + 1], 16 do
      local x = string.sub(ARGV[i + 1], at, at + 15)
      if redis.call('HINCRBY', KEYS[3], x, -1) <= 0 then redis.call('HDEL', KEYS[3], x) end
    end
  end
end
return 'ok'
