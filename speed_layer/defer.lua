-- Put facts into the side lane.
-- KEYS: the view's epoch, its side lane, its pending identifiers. ARGV: the epoch expected, the facts, and
--       the hashes (16 bytes each) of the identifiers that are pending on their account.
-- Returns 'epoch' where Redis lost its data, else 'ok'.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
redis.call('XADD', KEYS[2], '*', 'facts', ARGV[2], 'pending', ARGV[3])
for i = 1, #ARGV[3], 16 do redis.call('HINCRBY', KEYS[3], string.sub(ARGV[3], i, i + 15), 1) end
return 'ok'
