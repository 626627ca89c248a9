"""What PostgreSQL's errors mean for the folder: the object, file and line, and what to type next."""
