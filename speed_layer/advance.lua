-- Note how far a view has come. Never backwards: a worker that was frozen may come late.
-- KEYS: epoch, offsets, through. ARGV: the epoch expected, through, then field and offset in turn.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
for i = 3, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1')
  if tonumber(ARGV[i + 1]) > known then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
if tonumber(ARGV[2]) > tonumber(redis.call('GET', KEYS[3]) or '-1') then
  redis.call('SET', KEYS[3], ARGV[2])
end
return 'ok'
