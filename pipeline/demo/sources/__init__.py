"""What each source of the stage ``sample`` makes: OpenPeople, procedural people, scenes."""
