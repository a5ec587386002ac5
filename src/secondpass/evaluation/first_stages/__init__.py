"""First stages: what finds the candidates, one file each; `select` alone knows them all."""
