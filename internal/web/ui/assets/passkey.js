// placeholder of the first landing
