create  function  F(A int4)
returns INTEGER as $body$ begin return A; end $body$ language PLPGSQL;
