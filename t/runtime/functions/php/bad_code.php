<?php
echo "about to fail\n";
throw new DomainException("secret");
